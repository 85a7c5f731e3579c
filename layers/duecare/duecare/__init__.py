"""The service: use cases, ports, adapters and the Lambda runtime. The pure part is `duecare_core`."""
