package main

import (
	"context"
	"slices"
	"testing"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// invariant is something of which there must be none.
type invariant struct{ what, query string }

// invariants are what must be 0 in the database whenever and however the
// provider died: nothing halved, nothing doubled.
func invariants() []invariant {
	return []invariant{
		{"used codes without exactly one grant", `SELECT COUNT(*) FROM auth_request q WHERE code_used_at > 0
			AND (SELECT COUNT(*) FROM oauth_grant g WHERE g.id = q.grant_id) <> 1`},
		{"grants without exactly one used code", `SELECT COUNT(*) FROM oauth_grant g
			WHERE (SELECT COUNT(*) FROM auth_request q WHERE q.grant_id = g.id AND q.code_used_at > 0) <> 1`},
		{"codes without a session", `SELECT COUNT(*) FROM auth_request q WHERE code_hash IS NOT NULL
			AND NOT EXISTS (SELECT 1 FROM session_client c WHERE c.session_id = q.session_id AND c.client_id = q.client_id)`},
		{"codes and their audit rows differ by", `SELECT (SELECT COUNT(*) FROM auth_request WHERE code_hash IS NOT NULL)
			- (SELECT COUNT(*) FROM audit WHERE event = 'authorization.granted')`},
		{"grants and their audit rows differ by", `SELECT (SELECT COUNT(*) FROM oauth_grant) - (SELECT COUNT(*) FROM audit WHERE event = 'token.issued')`},
		{"sessions and their audit rows differ by", `SELECT (SELECT COUNT(*) FROM session) - (SELECT COUNT(*) FROM audit WHERE event = 'session.started')`},
		{"sessions nobody started in", `SELECT COUNT(*) FROM session s WHERE NOT EXISTS
			(SELECT 1 FROM audit a WHERE a.event = 'session.started' AND a.afiliado_id = s.afiliado_id AND a.at = s.created_at)`},
		{"sessions that ended without their applications being told", `SELECT COUNT(*) FROM session s JOIN session_client e ON e.session_id = s.id
			JOIN client c ON c.id = e.client_id WHERE s.ended_at > 0 AND c.backchannel_logout_uri <> ''
			AND NOT EXISTS (SELECT 1 FROM logout_delivery d WHERE d.sid = e.sid)`},
		{"applications told of sessions that go on", `SELECT COUNT(*) FROM session s JOIN logout_delivery d ON d.session_id = s.id WHERE s.ended_at = 0`},
		{"sessions that ended without being revoked at their applications", `SELECT COUNT(*) FROM session s JOIN session_client e ON e.session_id = s.id
			WHERE s.ended_at > 0 AND NOT EXISTS (SELECT 1 FROM event_delivery d WHERE d.sid = e.sid AND d.created_at = s.ended_at)`},
		{"sessions that go on and were revoked", `SELECT COUNT(*) FROM session s JOIN session_client e ON e.session_id = s.id
			JOIN event_delivery d ON d.sid = e.sid WHERE s.ended_at = 0`},
		{"new claves of which who knows the person was not told exactly once", `SELECT COUNT(*) FROM audit a JOIN consent k ON k.afiliado_id = a.afiliado_id AND k.created_at <= a.at
			WHERE a.event IN ('clave.renewed', 'clave.changed', 'clave.recovered') AND (SELECT COUNT(*) FROM event_delivery d
			WHERE d.client_id = k.client_id AND d.afiliado_id = a.afiliado_id AND d.event LIKE '%/credential-change' AND d.created_at = a.at) <> 1`},
		{"new claves that were told of and are not", `SELECT COUNT(*) FROM event_delivery d WHERE d.event LIKE '%/credential-change' AND NOT EXISTS
			(SELECT 1 FROM audit a WHERE a.afiliado_id = d.afiliado_id AND a.at = d.created_at AND a.event IN ('clave.renewed', 'clave.changed', 'clave.recovered'))`},
		{"grants without an access token", `SELECT COUNT(*) FROM oauth_grant g WHERE NOT EXISTS (SELECT 1 FROM access_token t WHERE t.grant_id = g.id)`},
		{"live grants without exactly one unspent refresh token", `SELECT COUNT(*) FROM oauth_grant g
			WHERE g.revoked_at = 0 AND g.scope LIKE '%offline_access%'
			AND (SELECT COUNT(*) FROM refresh_token r WHERE r.grant_id = g.id AND r.used_at = 0 AND r.revoked_at = 0) <> 1`},
		{"attempts over the limit", `SELECT COUNT(*) FROM login_budget WHERE failures > 5`},
		{"spent budgets that are not locked", `SELECT COUNT(*) FROM login_budget WHERE failures = 5 AND lock_reason = ''`},
		{"people locked by their own right claves", `SELECT COUNT(*) FROM login_budget b WHERE lock_reason <> ''
			AND NOT EXISTS (SELECT 1 FROM afiliado a WHERE a.identifier_mac = b.identifier_mac AND (a.id LIKE 'locked-%' OR a.id LIKE 'lost-%'))`},
		{"new claves that came twice", `SELECT COUNT(*) FROM (SELECT afiliado_id FROM audit WHERE event IN ('clave.renewed', 'clave.changed', 'clave.recovered')
			GROUP BY afiliado_id HAVING COUNT(*) <> 1) x`},
		{"audit rows of new claves whose clave is another", `SELECT COUNT(*) FROM audit a JOIN clave c ON c.afiliado_id = a.afiliado_id
			WHERE a.event IN ('clave.renewed', 'clave.changed', 'clave.recovered') AND c.created_at <> a.at`},
		{"new claves without an audit row", `SELECT COUNT(*) FROM clave c WHERE c.due_at > c.created_at AND
			c.created_at > (SELECT MIN(at) FROM audit)
			AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.event IN ('clave.renewed', 'clave.changed', 'clave.recovered') AND a.afiliado_id = c.afiliado_id)`},
		{"new claves without exactly one acceptance", `SELECT COUNT(*) FROM audit a WHERE a.event IN ('clave.renewed', 'clave.changed', 'clave.recovered')
			AND (SELECT COUNT(*) FROM acceptance x WHERE x.afiliado_id = a.afiliado_id) <> 1`},
		{"acceptances without a new clave", `SELECT COUNT(*) FROM acceptance x WHERE NOT EXISTS
			(SELECT 1 FROM audit a WHERE a.event IN ('clave.renewed', 'clave.changed', 'clave.recovered') AND a.afiliado_id = x.afiliado_id)`},
		{"histories without each clave once", `SELECT COUNT(*) FROM afiliado f WHERE (SELECT COUNT(*) FROM clave_history h WHERE h.afiliado_id = f.id)
			<> CASE WHEN f.id LIKE 'first-%' THEN 0 ELSE 1 END + (SELECT COUNT(*) FROM audit a WHERE a.event IN ('clave.renewed', 'clave.changed', 'clave.recovered') AND a.afiliado_id = f.id)`},
		{"audit rows without their personal part", `SELECT COUNT(*) FROM audit a WHERE a.personal_hash <> ''
			AND NOT EXISTS (SELECT 1 FROM audit_personal p WHERE p.audit_id = a.id)`},
		{"audit rows that are not either sealed or waiting", `SELECT COUNT(*) FROM audit a WHERE
			(SELECT COUNT(*) FROM audit_leaf l WHERE l.audit_id = a.id) + (SELECT COUNT(*) FROM audit_pending p WHERE p.audit_id = a.id) <> 1`},
	}
}

// holds checks every invariant. The provider is down: this is the first to open
// the database after its death.
func holds(t *testing.T, database, after string) {
	t.Helper()
	db := storagetest.Raw(t, database)
	defer db.Close()
	for _, i := range slices.Concat(invariants(), mailInvariants(), recoveryInvariants()) {
		var n int
		if err := db.QueryRowContext(t.Context(), i.query).Scan(&n); err != nil {
			t.Fatalf("%s: %v", i.what, err)
		}
		if n != 0 {
			t.Errorf("after %s: %s: %d", after, i.what, n)
		}
	}
}

// spent reports whether a code was consumed.
func (k *killer) spent(code string) bool {
	k.t.Helper()
	db := storagetest.Raw(k.t, k.Database)
	defer db.Close()
	query := `SELECT COUNT(*) FROM auth_request WHERE code_used_at > 0 AND code_hash = '` + storage.Hash(code) + `'`
	var n int
	if err := db.QueryRowContext(k.t.Context(), query).Scan(&n); err != nil {
		k.t.Fatal(err)
	}
	return n > 0
}

// auditHolds seals what is waiting and verifies the whole log.
func auditHolds(t *testing.T, database string) {
	t.Helper()
	db, err := storage.Open(t.Context(), storage.Config{URL: database, Keys: storagetest.Keys()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for {
		n, err := db.SealAudit(t.Context(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	check, err := db.VerifyAudit(context.WithoutCancel(t.Context()), nil, nil, func(f storage.AuditFinding) { t.Errorf("audit: %+v", f) }, nil)
	if err != nil {
		t.Errorf("audit verify: %v", err)
	}
	t.Logf("audit verified: %+v", check)
}
