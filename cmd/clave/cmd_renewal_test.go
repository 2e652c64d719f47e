package main

import (
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// The operator edits the policy, sees what that means, and then does it.
func TestS092_RenewalRecompute(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			file := installed(t, storagetest.URL(t, engine))
			cfg, problems := loadConfig(file, nil)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			db, err := storage.Open(t.Context(), cfg.storage())
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			a := storagetest.AddAfiliado(t, db, storage.Afiliado{})
			set := time.Now().AddDate(0, 0, -200)
			storagetest.InTx(t, db, func(tx *storage.Tx) error {
				return tx.SetClave(t.Context(), storage.Clave{
					AfiliadoID: a.ID, PHC: "x", CreatedAt: storage.At(set), DueAt: storage.At(cfg.renewal().DueAt(set, "Cotopaxi47", storage.Holder{AfiliadoID: a.ID})),
				}, 1)
			})
			due := func() time.Time {
				t.Helper()
				c, err := db.Clave(t.Context(), a.ID)
				if err != nil {
					t.Fatal(err)
				}
				return c.DueAt.Time
			}
			recompute := func(want string, more ...string) {
				t.Helper()
				if got := must(t, append([]string{"renewal", "recompute", "-config", file}, more...)...); !strings.Contains(got, want) {
					t.Errorf("got %q, want %q in it", got, want)
				}
			}
			before := due()
			recompute("1 claves: would move 0: ")
			rewrite(t, file, strings.NewReplacer("# max_age: 365d", "max_age: 90d", "# clave:", "clave:"))
			recompute("1 claves: would move 1: 1 earlier, 0 later, 0 that never fell due, 0 that never will; 0 are due already and stay so\nnothing was changed; -apply")
			recompute(before.In(time.FixedZone("", -5*60*60)).Format("2006-01") + "       1      0")
			if !due().Equal(before) {
				t.Error("the preview moved something")
			}
			recompute("1 claves: moved 1: 1 earlier", "-apply", "-reason", "Resolución 12")
			if in := time.Until(due()); in < 29*day || in > 60*day {
				t.Errorf("falls due in %v", in)
			}
			recompute("1 claves: moved 0: ", "-apply", "-reason", "Resolución 12")
			if got := must(t, "audit", "verify", "-config", file); !strings.Contains(got, "1 waiting") {
				t.Errorf("audit: got %q, want one row", got)
			}
			rewrite(t, file, strings.NewReplacer("max_age: 90d", "max_age: 0"))
			recompute("never       0      1")
			for want, args := range map[string][]string{"-reason TEXT is missing": {"-apply"}, "goes with -apply": {"-reason", "x"}} {
				status, _, stderr := clave(t, append([]string{"renewal", "recompute", "-config", file}, args...)...)
				if status != exitUsage || !strings.Contains(stderr, want) {
					t.Errorf("%v: got %d %q", args, status, stderr)
				}
			}
		})
	}
}
