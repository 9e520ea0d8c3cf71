//! A test of the test: an engine with a flaw in it is caught by the matrix, each by the promise that it
//! breaks.
