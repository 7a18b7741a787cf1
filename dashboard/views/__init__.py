"""One file a page: read the filters, fetch once, draw. Streamlit runs each as a script."""
