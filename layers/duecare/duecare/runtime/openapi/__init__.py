"""The API as an OpenAPI 3.1 document, generated from the types that validate requests and render responses.

    document        the document as a whole
    paths           one operation for each route
    schemas         the components, with a description of every member
    problems        every problem name, with its status and its remedy
    examples.json   requests and responses of a real run with a fixed clock and fixed keys; a test makes it anew

Only the evidence function loads this package, and only when the document is asked for.
"""
