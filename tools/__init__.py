"""What runs the project on one machine: its environments, the local AWS, the engines of the tests, the demonstration."""
