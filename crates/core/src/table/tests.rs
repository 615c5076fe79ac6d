//! Laws of tables: merging, storing and reading back.
