//! Statistics against the tables that other libraries' code made (tests/oracles).

mod two_sample;
