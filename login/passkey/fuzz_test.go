package passkey_test

import (
	"testing"

	"iess.gob.ec/clave/login/passkey"
	"iess.gob.ec/clave/storage/storagetest"
)

// Whatever comes in the place of a response is refused, and nothing breaks (T27).
func FuzzT27_Responses(f *testing.F) {
	w := newWorld(f, storagetest.Open(f, "sqlite"))
	d := newDevice()
	made, err := d.Create(w.beginCreate())
	if err != nil {
		f.Fatal(err)
	}
	if _, err := w.finishCreate(made); err != nil {
		f.Fatal(err)
	}
	proof, err := d.Get(w.beginGet(""))
	if err != nil {
		f.Fatal(err)
	}
	if _, err := w.finishGet("", proof); err != nil { // spent: it counts for nothing from now on
		f.Fatal(err)
	}
	for _, seed := range []string{made, proof, "", "{}", "null", `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, response string) {
		w := *w
		w.t = t
		if _, err := w.finishGet("", response); reason(err) == "" || reason(err) == passkey.ReasonCloned {
			t.Errorf("as a proof: %v", err)
		}
		if _, err := w.finishCreate(response); reason(err) == "" {
			t.Errorf("as a new one: %v", err)
		}
	})
}
