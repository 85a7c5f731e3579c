"""What runs the project on one machine: environments, the local AWS, the engines of the tests, the demonstration."""
