"""Child processes that cannot outlive the one that started them.

Three nets, because each has a hole: `stop()` needs a runner that ends in order; the kernel's
parent-death signal (die_with_parent.py) works after `kill -9` of the runner too, but a program may
take its time over it; left_behind.py, at the next start, ends what is still there.
"""
