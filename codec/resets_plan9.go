package codec

// resets is empty: the errors of this system are texts.
var resets []error
