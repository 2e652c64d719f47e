package cuenta_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

const myData = "/cuenta/mis-datos"

// taken is what the file for programs holds, by table.
func taken(t *testing.T, got logintest.Answer) map[string][]map[string]any {
	t.Helper()
	var file struct {
		Issuer string   `json:"emisor"`
		Made   string   `json:"generado"`
		Text   []string `json:"explicacion"`
		Tables []struct {
			Name string                             `json:"tabla"`
			Held []struct{ Columna, Motivo string } `json:"retenido"`
			Rows []map[string]any                   `json:"filas"`
		} `json:"temas"`
	}
	if err := json.Unmarshal([]byte(got.Body), &file); err != nil {
		t.Fatalf("%v: %d %.300s", err, got.Status, got.Body)
	}
	if file.Issuer != "http://localhost:8080" || file.Made != "2026-11-22T12:00:00-05:00" || len(file.Text) == 0 {
		t.Errorf("got %q, %q, %q", file.Issuer, file.Made, file.Text)
	}
	out := map[string][]map[string]any{}
	for _, table := range file.Tables {
		out[table.Name] = table.Rows
		for _, held := range table.Held {
			if held.Columna == "" || held.Motivo == "" {
				t.Errorf("%s: what is kept back has no name or no reason", table.Name)
			}
			for _, row := range table.Rows {
				if _, there := row[held.Columna]; there {
					t.Errorf("%s.%s is in the file", table.Name, held.Columna)
				}
			}
		}
	}
	return out
}

// attached checks that an answer is a file that no cache keeps and no browser shows.
func attached(t *testing.T, got logintest.Answer, media, name string) {
	t.Helper()
	for header, want := range map[string]string{
		"Content-Type": media, "Content-Disposition": `attachment; filename="` + name + `"`, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if is := got.Header.Get(header); got.Status != http.StatusOK || is != want {
			t.Errorf("got %d, %s %q, want %q", got.Status, header, is, want)
		}
	}
}

// LAW-05, LAW-06: a person takes all that is stored about her as a file for programs
// and as one to print, and she alone; each time she is told.
func TestLAW05_LAW06_PersonTakesHerData(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		s.enter(s.luis)
		s.uses(s.luis, "historia", "openid profile")
		s.WantText(b.Get(myData), "Todos sus datos, en un archivo")
		got := b.Post(myData+"/json", "sesion", mark(s.maria))
		attached(t, got, "application/json", "mis-datos-iess-2026-11-22.json")
		data := taken(t, got)
		if me := data["afiliado"]; len(me) != 1 || me[0]["identifier"] != cedula || me[0]["given_name"] != s.maria.GivenName || me[0]["created_at"] != "2026-11-22T12:00:00-05:00" {
			t.Errorf("got %v", me)
		}
		if len(data["session"]) != 1 || len(data["audit"]) == 0 || len(data["clave"]) != 1 || data["clave"][0]["due_at"] != nil {
			t.Errorf("got %d sessions, %d audit rows, claves %v", len(data["session"]), len(data["audit"]), data["clave"])
		}
		for _, foreign := range []string{s.luis.ID, string(s.luis.Identifier), s.luis.Email, "argon2", b.Cookie("session"), b.Cookie("device")} {
			if foreign == "" || strings.Contains(got.Body, foreign) {
				t.Errorf("her file has %q", foreign)
			}
		}
		got = b.Post(myData+"/pdf", "sesion", mark(s.maria))
		attached(t, got, "application/pdf", "mis-datos-iess-2026-11-22.pdf")
		if !strings.HasPrefix(got.Body, "%PDF-") || !strings.Contains(got.Body, "%%EOF") {
			t.Errorf("no PDF: %.20q", got.Body)
		}
		if got, want := s.templatesOf(s.maria), []string{string(templates.DataTaken), string(templates.DataTaken)}; !slices.Equal(got, want) {
			t.Errorf("got mails %q, want %q", got, want)
		}
		s.Want(b.Post(myData+"/json", "sesion", mark(s.luis)), http.StatusSeeOther, "/cuenta")
		if n := s.Events(login.EventDataTaken); n != 2 {
			t.Errorf("got %d audit rows, want 2", n)
		}
	})
}

// ASVS 7.5.3: nothing is handed over without a proof that is at most five minutes
// old; with it, what was asked for comes at once.
func TestASVS_7_5_3_DataWantAFreshProof(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		s.Pass(5*time.Minute + time.Second)
		for _, path := range []string{myData + "/pdf", myData + "/json"} {
			got := b.Post(path, "sesion", mark(s.maria))
			if !strings.Contains(got.Body, confirms) || got.Header.Get("Content-Disposition") != "" {
				t.Errorf("%s: got %d, want to be asked for a proof", path, got.Status)
			}
		}
		got := b.Post(myData+"/json", "sesion", mark(s.maria), "confirmar", "1", "clave", wrong)
		if !strings.Contains(got.Body, confirms) || strings.Contains(got.Body, cedula) {
			t.Errorf("a wrong clave: got %d", got.Status)
		}
		got = b.Post(myData+"/json", "sesion", mark(s.maria), "confirmar", "1", "clave", clave)
		if got.Header.Get("Content-Disposition") == "" || !strings.Contains(got.Body, cedula) {
			t.Errorf("the right clave: got %d %.200s", got.Status, got.Body)
		}
	})
}

// Whoever sits at her session does not keep the machine busy.
func TestDataAreTakenTenTimesAnHour(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		for range 10 {
			s.In(func(tx *storage.Tx) error {
				return tx.Audit(t.Context(), storage.Event{At: storage.At(s.Time()), Name: login.EventDataTaken, AfiliadoID: s.maria.ID})
			})
		}
		got := b.Post(myData+"/json", "sesion", mark(s.maria))
		if got.Status != http.StatusTooManyRequests || got.Header.Get("Retry-After") != "3601" {
			t.Errorf("got %d, Retry-After %q, want 429 and an hour", got.Status, got.Header.Get("Retry-After"))
		}
		s.WantText(got, "Ya descargó sus datos varias veces", "60 minutos")
		other := s.enter(s.luis)
		if got := other.Post(myData+"/json", "sesion", mark(s.luis)); got.Status != http.StatusOK {
			t.Errorf("somebody else has to wait too: %d", got.Status)
		}
		s.Pass(time.Hour)
		b = s.enter(s.maria)
		if got := b.Post(myData+"/pdf", "sesion", mark(s.maria)); got.Status != http.StatusOK {
			t.Errorf("an hour later: got %d", got.Status)
		}
	})
}

// T33: on a computer that several people share she is warned before a file stays
// there.
func TestT33_SharedComputerIsWarnedOfTheFile(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		const warning = "Este equipo lo usan varias personas"
		if strings.Contains(b.Get(myData).Body, warning) {
			t.Error("her own computer is taken for a shared one")
		}
		if _, err := storagetest.Raw(t, s.Database).ExecContext(t.Context(), `UPDATE session SET shared = TRUE`); err != nil {
			t.Fatal(err)
		}
		s.WantText(b.Get(myData), warning)
	})
}

// Whatever an export holds has words in each language: a table or column that is
// added needs its own in templates/datos.
func TestLAW05_WhatIsGivenHasWords(t *testing.T) {
	p, err := templates.Parse(templates.Config{Issuer: "http://localhost:8080"})
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range templates.Languages() {
		has := func(kind, name string) {
			if _, known := p.DataWord(lang, kind, name); !known {
				t.Errorf("templates/datos/%s.json has no word for %s.%s", lang, kind, name)
			}
		}
		for _, table := range storage.ExportPlan() {
			has("tabla", table.Name)
			for _, f := range table.Rows[0] {
				has("columna", f.Column)
			}
			for _, held := range table.Held {
				has("columna", held.Column)
				has("retenido", string(held.Reason))
			}
		}
	}
}
