-- Every commit changes a row of these two, so they live inside the catalog instead of in files.
CALL ducklake_set_option('usage', 'data_inlining_row_limit', 1000, table_name => 'ledger');
CALL ducklake_set_option('usage', 'data_inlining_row_limit', 1000, table_name => 'loads_hourly');
