package recovery

// ExtraProof reports whether a mail alone must not set the clave of an account
// with so many passkeys (DEV-7, NIST SP 800-63B-4 section 4.2.2): a passkey or a
// saved code has to come with it, or an officer.
func ExtraProof(passkeys int) bool { return passkeys > 0 }
