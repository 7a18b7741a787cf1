"""The texts of SQL that exports are made with."""
