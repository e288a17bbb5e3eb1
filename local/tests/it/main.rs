//! The stack as it really is: every test here starts what `make demo` starts.

mod emulator;
mod own;
mod stack;
