"""One function a box of a page: takes what was fetched, draws it, says so when there is nothing."""
