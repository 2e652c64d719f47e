package storage

// exportSources are the tables with rows about people. Each column of each is
// either given or held; a table that is missing here and in impersonal fails a
// test, so that no migration adds one which nobody's export has.
var exportSources = []exportSource{
	{
		table: "afiliado", rows: `t.id = ?`, by: "p", order: `t.id`, purpose: "afiliado", key: "id",
		columns: `id identifier_type identifier:sealed given_name:sealed family_name:sealed birthdate:sealed email:sealed email_verified:flag
			email_at:at mobile:sealed phone_verified:flag landline:sealed kinds estado fingerprint:flag locale disabled_at:at disabled_reason
			created_at:at updated_at:at`,
		held: keep(HeldDigest, `identifier_mac email_source mobile_source landline_source`),
	},
	{
		table: "preference", rows: `t.afiliado_id = ?`, by: "p", order: `t.afiliado_id`,
		columns: `afiliado_id second_step:flag declined_at:at renewal_day:n image`,
	},
	{
		table: "clave", rows: `t.afiliado_id = ?`, by: "p", order: `t.afiliado_id`,
		columns: `afiliado_id long:flag created_at:at due_at:at compromised:flag recovered_at:at`,
		held:    keep(HeldSecret, `phc`),
	},
	{
		table: "clave_history", rows: `t.afiliado_id = ?`, by: "p", order: `t.created_at, t.id`,
		columns: `id afiliado_id created_at:at`,
		held:    keep(HeldSecret, `phc`),
	},
	{
		table: "personal_answer", rows: `t.afiliado_id = ?`, by: "p", order: `t.position`,
		columns: `id afiliado_id position:n question created_at:at`,
		held:    keep(HeldSecret, `phc`),
	},
	{
		table: "user_handle", rows: `t.afiliado_id = ?`, by: "p", order: `t.afiliado_id`,
		columns: `afiliado_id handle created_at:at`,
	},
	{
		table: "passkey", rows: `t.afiliado_id = ?`, by: "p", order: `t.created_at, t.id`, purpose: "passkey", key: "id",
		columns: `id afiliado_id credential_id name:sealed backed_up:flag user_agent created_at:at last_at:at cloned_at:at revoked_at:at`,
		held:    keep(HeldSecret, `credential`),
	},
	{
		table: "totp", rows: `t.afiliado_id = ?`, by: "p", order: `t.afiliado_id`,
		columns: `afiliado_id created_at:at confirmed_at:at removed_at:at failures:n failed_at:at`,
		held:    withheld(keep(HeldSecret, `secret browser_hash`), keep(HeldInternal, `last_step`)),
	},
	{
		table: "recovery_code", rows: `t.afiliado_id = ?`, by: "p", order: `t.created_at, t.mac`,
		columns: `afiliado_id created_at:at used_at:at`,
		held:    keep(HeldSecret, `mac`),
	},
	{
		table: "ceremony", rows: `t.afiliado_id = ?`, by: "p", order: `t.created_at, t.id`,
		columns: `id kind afiliado_id created_at:at expires_at:at used_at:at`,
		held:    keep(HeldSecret, `browser_hash data`),
	},
	{
		table: "device", rows: `t.afiliado_id = ?`, by: "p", order: `t.created_at, t.id`,
		columns: `id afiliado_id failures:n user_agent created_at:at last_at:at expires_at:at`,
		held:    keep(HeldSecret, `secret_hash`),
	},
	{
		table: "login_budget", rows: `t.identifier_mac = ?`, by: "i", order: `t.last_at`,
		columns: `failures:n lock_reason locked_at:at last_at:at expires_at:at`,
		held:    keep(HeldDigest, `identifier_mac`),
	},
	{
		table: "pressure", rows: `t.key = ?`, by: "b", order: `t.tat`,
		columns: `tat:at`,
		held:    keep(HeldDigest, `key`),
	},
	{
		table: "session", rows: `t.afiliado_id = ?`, by: "p", order: `t.created_at, t.id`,
		columns: `id afiliado_id amr acr auth_at:at seen_at:at created_at:at expires_at:at ended_at:at user_agent proved_at:at offer:flag shared:flag network`,
		held:    keep(HeldSecret, `secret_hash`),
	},
	{
		table: "session_client", rows: `t.session_id IN (SELECT s.id FROM session s WHERE s.afiliado_id = ?)`, by: "p", order: `t.created_at, t.sid`,
		columns: `session_id client_id sid created_at:at`,
	},
	{
		table: "auth_request", rows: `t.afiliado_id = ? OR t.session_id IN (SELECT s.id FROM session s WHERE s.afiliado_id = ?)`, by: "pp",
		order: `t.created_at, t.id`,
		columns: `id client_id redirect_uri response_mode scope params:json created_at:at expires_at:at session_id proved_at:at completed_at:at
			afiliado_id sid auth_at:at acr amr code_expires_at:at code_used_at:at grant_id`,
		held: withheld(keep(HeldSecret, `browser_hash code_hash`), keep(HeldInternal, `state nonce code_challenge`)),
	},
	{
		table: "consent", rows: `t.afiliado_id = ?`, by: "p", order: `t.created_at, t.client_id`,
		columns: `afiliado_id client_id kind scope asked created_at:at withdrawn_at:at`,
	},
	{
		table: "disclosure", rows: `t.afiliado_id = ?`, by: "p", order: `t.client_id, t.first_at, t.claims`,
		columns: `afiliado_id client_id claims first_at:at last_at:at`,
	},
	{
		table: "oauth_grant", rows: `t.afiliado_id = ?`, by: "p", order: `t.created_at, t.id`,
		columns: `id client_id afiliado_id session_id sid scope claims:json resources auth_at:at acr amr created_at:at expires_at:at
			revoked_at:at revoked_reason`,
		held: keep(HeldInternal, `nonce jkt x5t`),
	},
	{
		table: "access_token", rows: `t.grant_id IN (SELECT g.id FROM oauth_grant g WHERE g.afiliado_id = ?)`, by: "p", order: `t.created_at, t.hash`,
		columns: `grant_id client_id scope audience created_at:at expires_at:at`,
		held:    withheld(keep(HeldSecret, `hash`), keep(HeldInternal, `jkt x5t`)),
	},
	{
		table: "refresh_token", rows: `t.grant_id IN (SELECT g.id FROM oauth_grant g WHERE g.afiliado_id = ?)`, by: "p", order: `t.created_at, t.hash`,
		columns: `grant_id created_at:at used_at:at replacements:n revoked_at:at`,
		held:    keep(HeldSecret, `hash child_hash`),
	},
	{
		table: "logout_delivery", rows: `t.afiliado_id = ?`, by: "p", order: `t.created_at, t.sid`,
		columns: `sid client_id session_id afiliado_id state attempts:n next_at:at created_at:at done_at:at last_error`,
		held:    keep(HeldInternal, `leased_until lease`),
	},
	{
		table: "event_delivery", rows: `t.afiliado_id = ?`, by: "p", order: `t.created_at, t.id`,
		columns: `id client_id afiliado_id sid event cause state attempts:n next_at:at created_at:at done_at:at last_error`,
		held:    keep(HeldInternal, `leased_until lease`),
	},
	{
		table: "acceptance", rows: `t.afiliado_id = ?`, by: "p", order: `t.accepted_at, t.id`,
		columns: `id afiliado_id document version text_hash accepted_at:at`,
	},
	{
		table: "contact_change", rows: `t.afiliado_id = ?`, by: "p", order: `t.asked_at, t.id`, purpose: "contact_change", key: "id",
		columns: `id afiliado_id email:sealed asked_at:at proved_at:at ready_at:at approved_at:at cancelled_at:at applied_at:at`,
		held:    keep(HeldDigest, `email_mac`),
	},
	{
		table: "email_address", rows: `t.afiliado_id = ?`, by: "p", order: `t.added_at, t.id`, purpose: "email_address", key: "id",
		columns: `id afiliado_id email:sealed added_at:at proved_at:at removed_at:at expires_at:at`,
		held:    keep(HeldDigest, `email_mac`),
	},
	{
		table: "recovery", rows: `t.identifier_mac = ?`, by: "i", order: `t.created_at, t.id`, purpose: "recovery", key: "id",
		columns: `id identifier:sealed afiliado_id step client_id auth_request risk:json contact:sealedjson created_at:at expires_at:at
			passed_at:at requested_at:at done_at:at ended_at:at`,
		held: withheld(keep(HeldSecret, `browser_hash`), keep(HeldDigest, `identifier_mac network_mac`)),
	},
	{
		table: "recovery_budget", rows: `t.identifier_mac = ?`, by: "i", order: `t.last_at`,
		columns: `failures:n last_at:at expires_at:at shut_at:at`,
		held:    keep(HeldDigest, `identifier_mac`),
	},
	{
		table: "link", rows: `t.afiliado_id = ?`, by: "p", order: `t.created_at, t.id`,
		// The id is kept back too: with the key of the installation, its token is made of it.
		columns: `purpose afiliado_id client_id life:n created_at:at latest_at:at delivered_at:at expires_at:at used_at:at replaced_at:at
			attempts:n code_attempts:n`,
		held: keep(HeldSecret, `id token_hash browser_hash`),
	},
	{
		table: "outbox", rows: `t.afiliado_id = ?`, by: "p", order: `t.created_at, t.id`, purpose: "outbox", key: "id",
		columns: `id kind afiliado_id template recipient:sealed locale data:sealedjson priority:n state attempts:n next_at:at composed_at:at
			created_at:at expires_at:at done_at:at last_error hash`,
		held: withheld(keep(HeldSecret, `link_id`), keep(HeldDigest, `recipient_mac`), keep(HeldInternal, `leased_until lease`)),
	},
	{
		table: "suppression", rows: `t.address_mac = ? OR t.address_mac IN (SELECT o.recipient_mac FROM outbox o WHERE o.afiliado_id = ?)
			OR t.address_mac IN (SELECT c.email_mac FROM contact_change c WHERE c.afiliado_id = ?)
			OR t.address_mac IN (SELECT d.email_mac FROM email_address d WHERE d.afiliado_id = ?)`, by: "eppp", order: `t.created_at, t.address_mac`,
		columns: `reason created_at:at expires_at:at`,
		held:    keep(HeldDigest, `address_mac`),
	},
	{
		table: "errand", rows: `t.identifier_mac = ?`, by: "i", order: `t.created_at, t.id`, purpose: "errand", key: "id",
		columns: `id kind client_id auth_request data:sealedjson created_at:at next_at:at done_at:at expires_at:at`,
		held:    withheld(keep(HeldSecret, `browser_hash`), keep(HeldDigest, `identifier_mac`)),
	},
	{
		table: "rights_request", rows: `t.afiliado_id = ?`, by: "p", order: `t.created_at, t.id`, purpose: "rights_request", key: "id",
		columns: `id number afiliado_id kind detail:sealed state outcome answer:sealed created_at:at due_at:at done_at:at`,
	},
	{
		table: "historia", rows: `t.afiliado_id = ?`, by: "p", order: `t.year, t.month, t.employer_id, t.kind`,
		columns: `afiliado_id employer_id year:n month:n kind employer province sector days:n salary_cents:n`,
	},
	{
		table: "audit", rows: `t.afiliado_id = ?`, by: "p", order: `t.id`,
		columns: `id:n at:at event afiliado_id client_id actor request_id detail:json personal_hash`,
	},
	{
		table: "audit_personal", rows: `t.audit_id IN (SELECT a.id FROM audit a WHERE a.afiliado_id = ?)`, by: "p", order: `t.audit_id`,
		purpose: "audit", key: "audit_id",
		columns: `audit_id:n data:sealedjson`,
	},
	{
		table: "audit_origin", rows: `t.audit_id IN (SELECT a.id FROM audit a WHERE a.afiliado_id = ?)`, by: "p", order: `t.audit_id`,
		purpose: "audit", key: "audit_id",
		columns: `audit_id:n data:sealedjson expires_at:at`,
	},
	{
		table: "audit_leaf", rows: `t.audit_id IN (SELECT a.id FROM audit a WHERE a.afiliado_id = ?)`, by: "p", order: `t.leaf`,
		columns: `leaf:n audit_id:n`,
	},
	{
		table: "audit_pending", rows: `t.audit_id IN (SELECT a.id FROM audit a WHERE a.afiliado_id = ?)`, by: "p", order: `t.audit_id`,
		columns: `audit_id:n`,
	},
}

// impersonal are the tables without rows about a person, each with the reason.
var impersonal = [][2]string{
	{"client", "applications"},
	{"signing_key", "keys of the installation"},
	{"revision", "counts changes of what processes keep in memory"},
	{"import_run", "files that were imported, by their hash"},
	{"job", "periodic jobs of the program"},
	{"audit_node", "hashes over the rows of everybody"},
	{"audit_head", "signed heads of the log of everybody"},
	{"challenge_spent", "challenges by their own random name, for an hour: nobody's name is kept with them"},
	{"jti_spent", "hashes of names that applications gave their own messages"},
	{"pushed_request", "what an application handed in before anybody came with it: whose it is becomes known in auth_request, which has it all"},
	{"failure_tally", "how many sign-ins failed in ten seconds, everybody's together"},
	{"alarm", "alarms of the installation"},
	{"goose_db_version", "migrations that were applied"},
}
