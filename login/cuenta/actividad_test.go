package cuenta_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

// The activity says what happened, wrong tries too, when by the clock of Ecuador,
// and from where; entries of other people are on no page of hers.
func TestC8_ActivityInPlainWords(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		s.Pass(time.Minute)
		s.NewBrowser().Post("/ingresar", "cedula", cedula, "clave", wrong)
		s.NewBrowser().Post("/ingresar", "cedula", string(s.luis.Identifier), "clave", wrong)
		s.In(func(tx *storage.Tx) error {
			for _, e := range []storage.Event{
				{Name: login.EventClaveUnlocked, Actor: "operator", Detail: map[string]string{"by": "operator"}},
				{Name: "token.issued", Actor: "client", ClientID: "historia"},
				{Name: "authorization.granted", Actor: "afiliado", ClientID: "historia"},
				{Name: "of.tomorrow", Actor: "system"},
			} {
				e.At, e.AfiliadoID = storage.At(s.Time()), s.maria.ID
				if err := tx.Audit(t.Context(), e); err != nil {
					return err
				}
			}
			return nil
		})
		page := b.Get("/cuenta/actividad")
		s.WantText(page, "Hoy, 22 de noviembre de 2026", "Ingresó desde un equipo nuevo", "Con clave · red 127.0.0.x", "Intento fallido de ingreso",
			"No ingresaron.", "Un funcionario del IESS desbloqueó su clave", "Entró a Historia Laboral", "Otro movimiento de su cuenta",
			"desde el 22 de octubre de 2025", `<span class="sr">: Intento fallido de ingreso, 22 de noviembre de 2026, 12:01</span>`)
		if n := len(values(page, "entrada")); n != 5 {
			t.Errorf("%d entries, want hers that are shown", n)
		}
		s.WantText(b.Get("/cuenta/actividad?ui_locales=en"), "Today, 22 November 2026", "Failed sign-in", "You entered Historia Laboral")
	})
}

// Pages: thirty entries each, no more statements for many than for few, and nothing
// that is older than thirteen months.
func TestC8_ActivityByPages(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		audit := func(n int, at time.Time) {
			s.In(func(tx *storage.Tx) error {
				for range n {
					err := tx.Audit(t.Context(), storage.Event{
						At: storage.At(at), Name: "clave.denied", AfiliadoID: s.maria.ID, Actor: "afiliado",
						Personal: map[string]string{"address": "192.0.2.7", "user_agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"},
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
		edge := time.Date(2025, time.October, 22, 5, 0, 0, 0, time.UTC) // midnight in Ecuador
		audit(3, s.Time().AddDate(0, -14, 0))
		audit(2, edge.Add(-time.Microsecond))
		audit(1, edge)
		audit(40, s.Time().AddDate(0, -13, 0).Add(time.Hour))
		b := s.enter(s.maria)
		first := b.Get("/cuenta/actividad")
		if got := len(values(first, "entrada")); got != 30 {
			t.Fatalf("%d entries on the first page", got)
		}
		_, rest, _ := strings.Cut(first.Body, `href="/cuenta/actividad?antes=`)
		before, _, _ := strings.Cut(rest, `"`)
		second := b.Get("/cuenta/actividad?antes=" + before)
		if got := len(values(second, "entrada")); got != 12 || strings.Contains(second.Body, "anteriores") {
			t.Fatalf("%d entries on the second page, want the 12 that are left", got)
		}
		oldest := values(second, "entrada")[11]
		s.WantText(b.Post("/cuenta/actividad/no-fui-yo", "sesion", mark(s.maria), "entrada", oldest), "Al presionar el botón", "22 de octubre de 2025, 00:00")
		s.WantText(second, "Miércoles, 22 de octubre de 2025", "Firefox", "192.0.2.x", "Ver lo más reciente")
		s.WantText(b.Get("/cuenta/actividad?antes=1"), "No hay nada anterior")
		if got := b.Get("/cuenta/actividad?antes=%00x"); len(values(got, "entrada")) != 30 {
			t.Errorf("a wrong address: %d", got.Status)
		}
	})
}

// What the activity and "last seen" say of whence: the whole is kept for 90 days; then
// a part of the network and the kind of device for 13 months; then nothing.
func TestC8_ActivityKeepsTheCoarseThirteenMonths(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		born := s.Time()
		s.In(func(tx *storage.Tx) error {
			return tx.Audit(t.Context(), storage.Event{
				At: storage.At(born), Name: login.EventSessionStarted, AfiliadoID: s.maria.ID, Actor: "afiliado",
				Personal: map[string]string{"address": "198.51.100.77", "user_agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"},
			})
		})
		rows, err := s.DB.PersonEvents(t.Context(), s.maria.ID, login.EventSessionStarted, born, 1)
		if err != nil || len(rows) != 1 {
			t.Fatal(rows, err)
		}
		id := rows[0].ID
		work := func() map[string]string {
			t.Helper()
			now := s.Time()
			if _, err := s.DB.EraseAuditPersonal(t.Context(), now.AddDate(0, 0, -90), now, 500, login.Coarse); err != nil {
				t.Fatal(err)
			}
			if _, err := s.DB.Purge(t.Context(), now, 500); err != nil {
				t.Fatal(err)
			}
			left, err := s.DB.AuditPersonal(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return left
		}
		s.SetTime(born.AddDate(0, 0, 89))
		if left := work(); left["address"] != "198.51.100.77" {
			t.Errorf("before 90 days: %v", left)
		}
		s.SetTime(born.AddDate(0, 0, 91))
		if left := work(); len(left) != 2 || left["network"] != "198.51.100.x" || left["device"] != "Firefox · Windows" {
			t.Errorf("after 90 days: %v", left)
		}
		s.SetClave(s.maria.ID, clave, s.Time().AddDate(2, 0, 0))
		b := s.enter(s.maria)
		page := b.Get("/cuenta/actividad")
		s.WantText(page, "Firefox · Windows · red 198.51.100.x", "Después de 90 días guardamos solo esa parte y el tipo de equipo")
		s.WantText(b.Get("/cuenta"), "198.51.100.x")
		export, err := s.DB.Export(t.Context(), s.maria.ID)
		if err != nil {
			t.Fatal(err)
		}
		if all := fmt.Sprint(export); strings.Contains(page.Body+all, "198.51.100.77") || strings.Contains(all, "Firefox/140.0") || !strings.Contains(all, "198.51.100.x") {
			t.Error("the export has the whole address or header, or not the part of it that is kept")
		}
		s.SetTime(born.AddDate(0, 13, 0).Add(-time.Minute))
		if left := work(); left["network"] != "198.51.100.x" {
			t.Errorf("before 13 months: %v", left)
		}
		s.SetTime(born.AddDate(0, 13, 0))
		if left := work(); left != nil {
			t.Errorf("after 13 months: %v", left)
		}
		b = s.enter(s.maria)
		if page := b.Get("/cuenta/actividad"); strings.Contains(page.Body, "198.51.100") || !strings.Contains(page.Body, "Red y equipo ya borrados") {
			t.Error("on its last day the activity still says whence, or no more that it was erased")
		}
	})
}

// "No fui yo" on an entry: first what will be done, then all of it: every session,
// tokens, devices, the clave. It leads to a case number, which the audit has.
func TestT05_NotMeLeadsToSafety(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, other := s.enter(s.maria), s.enter(s.maria)
		told := s.Subscribe(s.maria.ID)
		entries := values(b.Get("/cuenta/actividad"), "entrada")
		s.Pass(6 * time.Minute) // to safety without another proof
		s.Work()
		press := func(more ...string) logintest.Answer {
			return b.Post("/cuenta/actividad/no-fui-yo", append([]string{"sesion", mark(s.maria), "entrada", entries[0]}, more...)...)
		}
		page := press()
		s.WantText(page, "Al presionar el botón", "Cerraremos todas sus sesiones", "Todavía no hicimos nada", "número de caso", "Ingresó desde un equipo nuevo",
			"se agregaron desde el 19 de noviembre de 2026, 12:00", "Quitaremos los correos que se agregaron desde el 19 de noviembre")
		if !s.open(other) || s.Events(login.EventDisavowed) != 0 {
			t.Fatal("the page that asks has done it")
		}
		s.Want(press("seguro", "1"), http.StatusSeeOther, "/no-fui-yo/listo")
		if s.open(b) || s.open(other) || b.Cookie("session") != "" || len(s.devices(s.maria)) != 0 {
			t.Error("something of hers is still open")
		}
		detail := s.last(login.EventDisavowed, s.maria)
		number := detail["case"]
		if len(number) != 8 || detail["entry"] != entries[0] {
			t.Errorf("audit: %v", detail)
		}
		s.WantText(b.Get("/no-fui-yo/listo"), "Su número de caso", "desde el 19 de noviembre de 2026, 12:00", number[:4]+" "+number[4:], "/generar-recuperar")
		if got := s.NewBrowser().Post("/ingresar", "cedula", cedula, "clave", clave); got.Status == http.StatusSeeOther {
			t.Error("the clave still opens the account")
		}
		if got := strings.Join(told(), ", "); !strings.Contains(got, "account-disabled: disavowed") {
			t.Errorf("applications were told: %s", got)
		}
		s.Work()
		if !slices.ContainsFunc(s.Mails(s.maria.ID), func(m storage.Message) bool { return m.Template == login.NoticeLocked }) {
			t.Error("she is not told by mail")
		}
	})
}

// Entries of other people, of none, too old ones and those that are not shown
// cannot be named.
func TestT05_NotMeOfNobodyElse(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, his := s.enter(s.maria), s.enter(s.luis)
		s.In(func(tx *storage.Tx) error {
			for name, at := range map[string]time.Time{"token.issued": s.Time(), "clave.denied": s.Time().AddDate(0, -14, 0)} {
				if err := tx.Audit(t.Context(), storage.Event{At: storage.At(at), Name: name, AfiliadoID: s.maria.ID, Actor: "client"}); err != nil {
					return err
				}
			}
			return nil
		})
		ids := append(values(his.Get("/cuenta/actividad"), "entrada"), "", "0", "-1", "999999", "x")
		for _, name := range []string{"token.issued", "clave.denied"} {
			rows, err := s.DB.PersonEvents(t.Context(), s.maria.ID, name, s.Time(), 1)
			if err != nil || len(rows) != 1 {
				t.Fatal(rows, err)
			}
			ids = append(ids, strconv.FormatInt(rows[0].ID, 10))
		}
		for _, id := range ids {
			got := b.Post("/cuenta/actividad/no-fui-yo", "sesion", mark(s.maria), "entrada", id, "seguro", "1")
			s.Want(got, http.StatusSeeOther, "/cuenta/actividad")
		}
		if s.Events(login.EventDisavowed) != 0 || !s.open(b) || !s.open(his) {
			t.Error("something was done")
		}
	})
}

// A double press, on two replicas at once, is one disavowal.
func TestFT14_NotMeTwiceIsOne(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		entry := values(b.Get("/cuenta/actividad"), "entrada")[0]
		logintest.Parallel(6, func(i int) {
			b.Post("/cuenta/actividad/no-fui-yo", "sesion", mark(s.maria), "entrada", entry, "seguro", strings.Repeat("1", i+1))
		})
		if n := s.Events(login.EventDisavowed); n != 1 {
			t.Errorf("%d disavowals", n)
		}
	})
}
