//! An HTTP endpoint as a sink: binary CloudEvents, one event a request.
