"""A converted model → `<Name>.aimodel`, a program for Apple's Core AI (extra `coreai`)."""
