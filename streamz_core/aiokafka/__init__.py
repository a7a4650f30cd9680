"""aiokafka's module layout, re-exporting ``streamz_core.client``: change the import and the address."""
