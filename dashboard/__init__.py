"""The Streamlit dashboard over the store: spend, throttling, and a page for your own SQL.

`app.py` is the frame, `views/` has one file a page, `panels/` one function a box, `data.py` fetches
and caches. It reads the store through `analytics` and changes nothing.
"""
