//! Bad input of every kind, and what it gets.
