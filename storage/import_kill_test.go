package storage_test

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// TestMain turns this test binary into an import that kills itself, where
// TestImportSurvivesKill asks for it.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "import" {
		dyingImport(os.Args[2], os.Args[3])
	}
	os.Exit(m.Run())
}

const killedPeople = 350 // a whole batch and a short one

// dyingImport imports the generated file and is killed right before the nth
// statement of its transactions; the statements go to stdout.
func dyingImport(url, before string) {
	nth, _ := strconv.Atoi(before)
	ctx := context.Background()
	statements := 0
	db, err := storage.Open(ctx, storage.Config{URL: url, Keys: storagetest.Keys(), OnStatement: func(_ context.Context, query string) {
		if statements++; statements < nth {
			return
		}
		say(strings.Join(strings.Fields(query)[:min(3, len(strings.Fields(query)))], " "))
		self, _ := os.FindProcess(os.Getpid())
		_ = self.Kill()
		select {}
	}})
	if err != nil {
		say(err.Error())
		os.Exit(1)
	}
	opts := importing(new([]string))
	if _, err := db.ImportAfiliados(ctx, &generated{n: killedPeople}, opts); err != nil {
		say(err.Error())
		os.Exit(1)
	}
	os.Exit(0)
}

func say(text string) { _, _ = os.Stdout.WriteString(text + "\n") }

// kill -9 at any statement: the same file given again is imported to its end,
// nothing lost, nothing twice.
func TestImportSurvivesKill(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			var covered []string
			for nth, done := 1, false; !done; nth++ {
				url := storagetest.URL(t, engine)
				child := exec.CommandContext(t.Context(), os.Args[0], "import", url, strconv.Itoa(nth))
				out, err := child.CombinedOutput()
				done = err == nil
				covered = append(covered, strings.TrimSpace(string(out)))

				db, raw := open(t, url), beside(t, url)
				before := count(t, raw, `SELECT COUNT(*) FROM afiliado`)
				finished := count(t, raw, `SELECT COUNT(*) FROM import_run WHERE finished_at > 0`)
				var refused []string
				report, err := db.ImportAfiliados(t.Context(), &generated{n: killedPeople}, importing(&refused))
				if err != nil {
					t.Fatalf("killed before statement %d (%s): %v", nth, out, err)
				}
				want := storage.ImportReport{Lines: killedPeople, Added: int64(killedPeople - before)}
				switch {
				case finished == 1: // whoever gives it again wants it done again
					want.Unchanged = killedPeople
				case before > 0:
					want.Resumed = int64(before + 1) // the header is line 1
				}
				people := count(t, raw, `SELECT COUNT(*) FROM afiliado`)
				audited := count(t, raw, `SELECT COUNT(*) FROM audit`)
				if report != want || people != killedPeople || len(refused) > 0 || audited != finished+1 {
					t.Errorf("killed before statement %d (%s): %d people, then %d; got %+v, want %+v; audited %d times, finished %d times before",
						nth, out, before, people, report, want, audited, finished)
				}
			}
			t.Logf("killed before each of: %s", strings.Join(covered, "; "))
		})
	}
}
