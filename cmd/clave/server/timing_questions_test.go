package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

// The groups of identifiers that the wizard asks about. The order is that of
// askable's cédulas.
const (
	groupNobody   = "nobody"
	groupWorked   = "known, worked"
	groupEnrolled = "known, has answers"
	groupIdle     = "known, never worked"
)

// T01 and T17: the questions of the wizard are shown, and wrong answers to them
// refused, after the same time as far as anybody can measure, whoever has the
// identifier. As for the login page, statistics are printed by "make timing" for
// 1,000 of each group; every identifier and every browser comes once.
func TestTiming_T01_T17_StrangersAtTheQuestions(t *testing.T) {
	const shown, refused = "shown, ", "refused, "
	var pairs [][2]string
	for _, step := range []string{shown, refused} {
		for _, group := range []string{groupWorked, groupEnrolled, groupIdle} {
			pairs = append(pairs, [2]string{step + group, step + groupNobody})
		}
	}
	timed(t, 10, 1000, pairs, func(t *testing.T, s *Server, each int, chance *rand.Rand) map[string][]float64 {
		cases := askable(t, s, each)
		chance.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
		took := map[string][]float64{}
		for i, a := range cases {
			for _, step := range []struct{ name, form, text string }{
				{shown, "", `name="historia_1"`},
				{refused, url.Values{
					"caso": {a.id}, "dia": {"1"}, "mes": {"2"}, "historia_1": {"0"}, "historia_2": {"0"}, "continuar": {"1"},
				}.Encode(), "cuatro intentos"},
			} {
				w, ms := a.at(s, step.form)
				if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), step.text) {
					t.Fatalf("%s%s: %d %.2000s", step.name, a.group, w.Code, w.Body)
				}
				if i >= len(cases)/20 { // as at the login page
					took[step.name+a.group] = append(took[step.name+a.group], ms)
				}
			}
		}
		return took
	})
}

// askedCase is a case at the questions, in a browser of its own.
type askedCase struct{ group, id, browser string }

// at asks for the page, or sends it the form.
func (a askedCase) at(s *Server, form string) (*httptest.ResponseRecorder, float64) {
	r := httptest.NewRequest(http.MethodGet, "/generar-recuperar", nil)
	if form != "" {
		r = httptest.NewRequest(http.MethodPost, "/generar-recuperar", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", s.issuer.String())
	}
	r.Host = s.issuer.Host
	r.AddCookie(&http.Cookie{Name: "clave-browser-8080", Value: a.browser})
	w := httptest.NewRecorder()
	start := time.Now()
	s.public.ServeHTTP(w, r)
	return w, float64(time.Since(start).Microseconds()) / 1000
}

// askable fills the database with each people of every group that has any, and
// begins a case for each.
func askable(t *testing.T, s *Server, each int) []askedCase {
	t.Helper()
	phc, err := mustHasher(t, s.cfg.Hash).Make(t.Context(), "copito de nieve")
	if err != nil {
		t.Fatal(err)
	}
	people, months := &strings.Builder{}, &strings.Builder{}
	people.WriteString("cedula,nombres,apellidos,fecha_nacimiento,tipo_asegurado,estado,huella\n")
	months.WriteString("cedula,empleador_ruc,empleador,provincia,sector,tipo,anio,mes,dias,sueldo\n")
	var out []askedCase
	var cedulas []storage.Identifier
	for g, group := range []string{groupNobody, groupWorked, groupEnrolled, groupIdle} {
		for i := range each {
			id := cedulaOf(g*each + i)
			cedulas = append(cedulas, id)
			out = append(out, askedCase{group, storage.NewID(), storage.NewSecret()})
			if group != groupNobody {
				fmt.Fprintf(people, "%s,Prueba,Prueba,1980-01-01,afiliado,activa,si\n", string(id))
			}
			if group != groupWorked && group != groupEnrolled {
				continue
			}
			for m := range 48 { // two years at each of two employers
				fmt.Fprintf(months, "%s,17900%05d001,Empresa %d,%s,Comercio,dependencia,%d,%d,30,%d.00\n",
					string(id), (i+m/24)%97, (i+m/24)%97, []string{"Pichincha", "Guayas"}[m/24], 2015+m/12, m%12+1, 400+m/24*300)
			}
		}
	}
	if _, err := s.db.ImportAfiliados(t.Context(), strings.NewReader(people.String()), importing()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.ImportHistoria(t.Context(), strings.NewReader(months.String()), importing()); err != nil {
		t.Fatal(err)
	}
	storagetest.InTx(t, s.db, func(tx *storage.Tx) error {
		for i, a := range out {
			if err := a.begin(t.Context(), s.db, tx, cedulas[i], phc); err != nil {
				return err
			}
		}
		return nil
	})
	return out
}

// begin stores the case, and the answers of who has any.
func (a askedCase) begin(ctx context.Context, db *storage.DB, tx *storage.Tx, id storage.Identifier, phc string) error {
	now := time.Now()
	if a.group == groupEnrolled {
		who, err := tx.AfiliadoByIdentifier(ctx, id)
		if err != nil {
			return err
		}
		q := templates.PersonalQuestions()
		err = tx.SetAnswers(ctx, who.ID, []storage.Answer{
			{Question: q[0], PHC: phc, CreatedAt: storage.At(now)}, {Question: q[1], PHC: phc, CreatedAt: storage.At(now)},
		})
		if err != nil {
			return err
		}
	}
	return tx.AddRecovery(ctx, storage.Recovery{
		ID: a.id, BrowserHash: storage.Hash(a.browser), Identifier: id, IdentifierMAC: db.IdentifierMAC(id),
		NetworkMAC: db.PressureKey("network", "192.0.2.0/24"), Step: "preguntas", CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(24 * time.Hour)),
	})
}
