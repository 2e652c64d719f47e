package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"iess.gob.ec/clave/storage"
)

// secrets are what has to outlive a run besides the database. They are made on
// the first run and kept in the data folder, for its owner alone.
type secrets struct {
	Seal     []byte            `json:"seal"`
	Index    []byte            `json:"index"`
	Pairwise []byte            `json:"pairwise"`
	Audit    string            `json:"audit"`   // note signer
	Clients  map[string]string `json:"clients"` // client id → client_secret
}

func (s secrets) keys() storage.Keys {
	return storage.Keys{Current: "demo", Seal: map[string][]byte{"demo": s.Seal}, Index: s.Index, Pairwise: s.Pairwise}
}

// loadSecrets reads dir/secrets.json, or makes it.
func loadSecrets(dir string) (secrets, error) {
	name := filepath.Join(dir, "secrets.json")
	data, err := os.ReadFile(name) //nolint:gosec // the folder is the user's choice
	if errors.Is(err, fs.ErrNotExist) {
		return makeSecrets(name)
	}
	var s secrets
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return secrets{}, fmt.Errorf("demo: %s cannot be read; without it the database beside it does not open: %w", name, err)
	}
	return s, nil
}

func makeSecrets(name string) (secrets, error) {
	s := secrets{Seal: random(), Index: random(), Pairwise: random(), Clients: make(map[string]string)}
	for _, a := range applications("", 0) {
		if a.rp.AuthMethod != "none" {
			s.Clients[a.rp.ClientID] = storage.NewSecret()
		}
	}
	audit, err := storage.NewAuditKey("clave-demo")
	if err != nil {
		return secrets{}, fmt.Errorf("demo: %w", err)
	}
	s.Audit = audit.Secret
	data, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = os.WriteFile(name, append(data, '\n'), 0o600)
	}
	if err != nil {
		return secrets{}, fmt.Errorf("demo: keys: %w", err)
	}
	return s, nil
}

func random() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}
