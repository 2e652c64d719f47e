package storagetest

import (
	"cmp"
	"context"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// Noon is when fixtures happen: Sunday, 22 November 2026, 12h00 in Guayaquil.
// A test's clock counts from it.
func Noon() time.Time { return time.Date(2026, time.November, 22, 17, 0, 0, 0, time.UTC) }

// AddAfiliado stores a person and returns her as stored. What a leaves empty is
// taken from the first person of the demo, except telephones, and the id is new.
func AddAfiliado(t testing.TB, db *storage.DB, a storage.Afiliado) storage.Afiliado {
	t.Helper()
	a.ID = cmp.Or(a.ID, storage.NewID())
	a.Identifier = cmp.Or(a.Identifier, "1759999913")
	a.IdentifierType = cmp.Or(a.IdentifierType, storage.IdentifierCedula)
	a.GivenName = cmp.Or(a.GivenName, "María Fernanda")
	a.FamilyName = cmp.Or(a.FamilyName, "Quishpe Andrade")
	a.Birthdate = cmp.Or(a.Birthdate, "1985-03-14")
	a.Email = cmp.Or(a.Email, "maria.quishpe@example.ec")
	a.Estado = cmp.Or(a.Estado, "activa")
	if len(a.Kinds) == 0 {
		a.Kinds = []string{"afiliado"}
	}
	if a.CreatedAt.IsZero() {
		a.CreatedAt = storage.At(Noon())
	}
	if a.UpdatedAt.IsZero() {
		a.UpdatedAt = a.CreatedAt
	}
	InTx(t, db, func(tx *storage.Tx) error { return tx.AddAfiliado(t.Context(), a) })
	return a
}

// AddClave gives a person the clave whose hash is phc, set at Noon; a zero due
// never expires.
func AddClave(t testing.TB, db *storage.DB, afiliadoID, phc string, due time.Time) storage.Clave {
	t.Helper()
	c := storage.Clave{AfiliadoID: afiliadoID, PHC: phc, CreatedAt: storage.At(Noon()), DueAt: storage.At(due)}
	InTx(t, db, func(tx *storage.Tx) error { return tx.SetClave(t.Context(), c, 5) })
	return c
}

// MoveDue moves the day on which a person's clave must be renewed; the zero time
// means never.
func MoveDue(ctx context.Context, tx *storage.Tx, afiliadoID string, due time.Time) error {
	c, err := tx.ClaveFacts(ctx, afiliadoID)
	if err == nil {
		_, err = tx.MoveClaveDue(ctx, *c, due)
	}
	return err
}

// AddClient registers an application; secret "" makes it a public one.
func AddClient(t testing.TB, db *storage.DB, id, secret string, m storage.ClientMetadata) storage.Client {
	t.Helper()
	c := storage.Client{ID: id, Metadata: m, CreatedAt: storage.At(Noon()), UpdatedAt: storage.At(Noon())}
	if secret != "" {
		c.SecretMAC = db.ClientSecretMAC(id, secret)
	}
	InTx(t, db, func(tx *storage.Tx) error { return tx.SaveClient(t.Context(), c) })
	return c
}

// InTx is db.InTx for a test that cannot go on without it.
func InTx(t testing.TB, db *storage.DB, f func(*storage.Tx) error) {
	t.Helper()
	if err := db.InTx(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}
