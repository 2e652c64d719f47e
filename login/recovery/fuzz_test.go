package recovery_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"iess.gob.ec/clave/login/recovery"
	"iess.gob.ec/clave/storage"
)

// T27: folding never fails, is bounded, and folding twice is folding once.
func FuzzT27_Fold(f *testing.F) {
	for _, seed := range []string{
		"", "Doña Eufrosina", "ﬁŀŉǅẞİıſK", "\xff\xfe\x80", strings.Repeat("ñ", 500), strings.Repeat("a\u0301\u0302", 300), "ᾈᾳ\u0345", "𝟙𝟚𝟛", "\u1100\u1161\u11a8",
		"a\x00b", strings.Repeat("x", 799) + "ñ", "a" + strings.Repeat("ø", 200), "\U0001f600\u200d",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		out := recovery.Fold(answer)
		if !utf8.ValidString(out) || len(out) > 200 || recovery.Fold(out) != out {
			t.Fatalf("%q is folded to %q, and that to %q", answer, out, recovery.Fold(out))
		}
		if strings.ContainsFunc(out, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			t.Fatalf("%q is folded to %q", answer, out)
		}
	})
}

// T22, T27: whatever is typed and on file, each answer gets a judgement; what is
// taken has three letters, is not the other one, and not her name or birthday.
func FuzzT22_T27_CheckAnswers(f *testing.F) {
	for _, seed := range [][4]string{
		{"Doña Eufrosina", "El sastre valiente", "María", "1985-03-14"},
		{"", " ", "", ""},
		{"aaa", "AAA", "aaa", "0000-00-00"},
		{"14 de marzo", "catorce", "Quishpe", "1985-03-14"},
		{"\xff", "ñññ", "\xffx", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"},
		{"a1b2c3", "abc", "abc", "1985-99-99"},
		{"x9y", "abc", "abc", ""},
		{strings.Repeat("ab ", 300), strings.Repeat("ab", 400), "ab", "2024-02-29"},
		{"٣٣٣", "你好吗", "你", "1985-1-1"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, first, second, name, birthdate string) {
		a := storage.Afiliado{GivenName: name, FamilyName: second, Birthdate: birthdate, Identifier: "1759999913"}
		typed := []string{first, second, name, birthdate}
		got := recovery.CheckAnswers(typed, a, []storage.Historia{{Employer: first + name, Province: name, Sector: birthdate}})
		if len(got) != len(typed) {
			t.Fatalf("%d judgements", len(got))
		}
		for i, weakness := range got {
			letters := 0
			for _, r := range recovery.Fold(typed[i]) {
				if unicode.IsLetter(r) {
					letters++
				}
			}
			if weakness != recovery.WeakNone {
				continue
			}
			if letters < 3 || i > 0 && recovery.Fold(typed[i]) == recovery.Fold(typed[0]) || i == 1 || i == 2 {
				t.Fatalf("%q is taken as answer %d of %q, %q", typed[i], i, name, birthdate)
			}
		}
	})
}

// T27: no form of the way, at whatever step, breaks a handler.
func FuzzT27_WizardForms(f *testing.F) {
	paths := []string{"/generar-recuperar", "/generar-recuperar/clave", resent, "/correo/confirmar", "/correo/aprobar"}
	for step := range 4 {
		for i, body := range []string{
			"dia=29&mes=2&historia_1=0&historia_2=5&personal_1=%ff&personal_2=", "dia=31&mes=2", "correo=a%40b.example&celular=%2B593990000001&convencional=",
			"declaracion=1&pregunta_1=x&respuesta_1=a&clave_nueva=Chimborazo63&clave_confirmacion=", "identificacion=1759999913&reto=x", "cancelar=1&id=x",
			"dia=-1&mes=99999999999999999999&historia_1=9&historia_2=%00", "correo=%0d%0aBcc%3a", "caso=&abierto=1.",
		} {
			f.Add(uint8(step), uint8(i), body)
		}
	}
	s := newSite(f, "sqlite")
	var at []*journey
	var casos []string
	abierto, sent := "", 0
	begin := func() { // what the forms before have locked and spent is over
		s.Pass(16 * time.Minute)
		s.In(func(tx *storage.Tx) error {
			for _, id := range []storage.Identifier{s.maria.Identifier, diana, nobody} {
				if err := tx.UnlockClave(s.T.Context(), s.DB.IdentifierMAC(id)); err != nil {
					return err
				}
			}
			return nil
		})
		at = []*journey{s.journey(), s.journey(), s.journey(), s.journey()}
		casos = []string{"", at[1].start(nobody).Hidden("caso"), at[2].pass(s.maria).Hidden("caso"), ""}
		abierto = at[3].Open(at[3].ask(s.diana)).Hidden("abierto")
	}
	f.Fuzz(func(t *testing.T, step, path uint8, body string) {
		s.T = t
		if sent%64 == 0 {
			begin()
		}
		sent++
		n := int(step) % len(at)
		pairs := []string{"caso", casos[n], "abierto", abierto}
		typed, _ := url.ParseQuery(body) // what can be read of it is sent
		for name := range typed {
			pairs = append(pairs, name, typed.Get(name))
		}
		to := paths[int(path)%len(paths)]
		if got := at[n].Post(to, pairs...); got.Status >= http.StatusInternalServerError && got.Status != http.StatusServiceUnavailable || got.Status == 0 {
			t.Fatalf("%s at step %d with %q: %d", to, n, body, got.Status)
		}
	})
}
