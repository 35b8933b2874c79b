"""The programs here register a device, so that only the process that `test_on_device.py` starts may read them."""

import os

ON_DEVICE = "EMBEDTUNE_TEST_ON_DEVICE"
collect_ignore_glob = [] if ON_DEVICE in os.environ else ["*_device.py"]
