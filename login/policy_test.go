package login

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

func maria() storage.Afiliado {
	return storage.Afiliado{
		Identifier: "1759999913", GivenName: "María Fernanda", FamilyName: "Quishpe Andrade", Birthdate: "1985-03-14",
		Email: "mafer.quishpe@correo.example", Mobile: "+593991234567", Landline: "+59322123456",
	}
}

func policy(t testing.TB) Policy {
	t.Helper()
	p := DefaultPolicy()
	var err error
	if p.Common, err = CommonClaves(); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestS037_ASVS_6_2_1_EachBrokenRuleIsNamed(t *testing.T) {
	p := policy(t)
	long := strings.Repeat("aB3", 22)
	for _, tt := range []struct {
		clave string
		want  []templates.Fault
	}{
		{"Xk4tRw9", []templates.Fault{templates.NuevaShort}},
		{"Xk4tRw9p", nil},
		{long[:64], nil},
		{long[:65], []templates.Fault{templates.NuevaLong}},
		{"", []templates.Fault{templates.NuevaEmpty}},
		{"Xk4tRw9p!", []templates.Fault{templates.NuevaCharacters}},
		{"Xk4t Rw9p", []templates.Fault{templates.NuevaCharacters}},
		{"Xk4tRw9ñ", []templates.Fault{templates.NuevaCharacters}},
		{"Xk4tRw9\x00", []templates.Fault{templates.NuevaCharacters}},
		{"Xk4tRw9\xff", []templates.Fault{templates.NuevaCharacters}},
		{"Xk4tRw９p", []templates.Fault{templates.NuevaCharacters}},
		{"83920174655", []templates.Fault{templates.NuevaNoLetter}},
		{"xkqtrwzpf", []templates.Fault{templates.NuevaNoDigit}},
		{"x!", []templates.Fault{templates.NuevaShort, templates.NuevaCharacters, templates.NuevaNoDigit}},
		{strings.Repeat("x", 1<<20), []templates.Fault{templates.NuevaLong}},
		{"Cotopaxi47", nil},
		{"Guayas2019x", nil},
		{"Archipielago1969Tortuga", nil},
		{"Chimborazo63", nil},
	} {
		if got := p.Check(tt.clave, tt.clave, maria()); !slices.Equal(got, tt.want) {
			t.Errorf("%.20q: got %v, want %v", tt.clave, got, tt.want)
		}
	}
}

// D14: valid under both readings of the rule, case counting.
func TestD14_LettersAndDigits(t *testing.T) {
	p := policy(t)
	if p.Canonical("Aa1 ") != "Aa1 " {
		t.Error("the clave is not taken as typed (ASVS 6.2.8)")
	}
	p.Spanish = true
	if got := p.Check("Xk4tRw9ñ", "Xk4tRw9n\u0303", maria()); got != nil {
		t.Errorf("ñ in two spellings: %v", got)
	}
}

// DEV-1: the mode that follows NIST.
func TestDEV1_NISTMode(t *testing.T) {
	p := policy(t)
	p.Symbols, p.Mixed = true, false
	for clave, want := range map[string][]templates.Fault{
		"correct horse battery": nil, "ÜñîçødéXyz!": nil, "83920174655": nil, "password": {templates.NuevaCommon},
		"tab\tinside99": {templates.NuevaCharacters},
	} {
		if got := p.Check(clave, clave, maria()); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", clave, got, want)
		}
	}
}

func TestS054_Confirmation(t *testing.T) {
	p := policy(t)
	for other, want := range map[string][]templates.Fault{
		"Xk4tRw9p": nil, "": {templates.ConfirmationEmpty}, "Xk4tRw9P": {templates.ConfirmationOther}, "Xk4tRw9p ": {templates.ConfirmationOther},
	} {
		if got := p.Check("Xk4tRw9p", other, maria()); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", other, got, want)
		}
	}
}

func TestASVS_6_2_4_CommonClaves(t *testing.T) {
	p := policy(t)
	n := 0
	for word := range p.Common {
		if len(p.form(word)) == 0 {
			n++
			if got := p.Check(word, word, storage.Afiliado{}); !slices.Contains(got, templates.NuevaCommon) {
				t.Fatalf("%q: got %v", word, got)
			}
		}
	}
	if n < 5000 {
		t.Errorf("only %d words of the list obey the policy", n)
	}
	if got := p.Check("PassWord1", "PassWord1", maria()); !slices.Equal(got, []templates.Fault{templates.NuevaCommon}) {
		t.Errorf("got %v", got)
	}
}

// ASVS 6.1.2, 6.2.11: words of the institution and of the person, as a whole and
// as 60 % of the clave.
func TestASVS_6_1_2_ContextWords(t *testing.T) {
	p := policy(t)
	for _, clave := range []string{
		"ecuador1", "Ecuador2026", "iess2026x", "ClaveIess1", "Guayaquil7", "biessquito1", "afiliado99", "seguroSocial1",
		"Quishpe1985", "Maria1985x", "fernanda14", "1759999913a", "14031985ab", "19850314Xy", "0991234567aB", "mafer123",
		"maferquishpe1", "quito2024ab", "Andrade03",
	} {
		if got := p.Check(clave, clave, maria()); !slices.Contains(got, templates.NuevaPersonal) {
			t.Errorf("%q: got %v", clave, got)
		}
	}
	for _, clave := range []string{"quito4Kw9zTr", "Xk4tRw1985p", "mafer7Kw2ztRx", "clave9KwTz4rX"} {
		if got := p.Check(clave, clave, maria()); got != nil {
			t.Errorf("%q: got %v", clave, got)
		}
	}
	if got := p.Check("Quishpe1985", "Quishpe1985", storage.Afiliado{}); got != nil {
		t.Errorf("somebody else's name: %v", got)
	}
}

func TestASVS_6_2_9_LongClaves(t *testing.T) {
	p := policy(t)
	clave := strings.Repeat("Kw9zTr4q", 8)
	if got := p.Check(clave, clave, maria()); got != nil || utf8.RuneCountInString(clave) != 64 {
		t.Errorf("64 characters: %v", got)
	}
}

// FT-17: no clave crashes the rules, and none that passes breaks S037.
func FuzzFT17_Policy(f *testing.F) {
	for _, s := range []string{"Cotopaxi47", "", "ñandú2026", "\xff\x00", "1985031", strings.Repeat("é", 300)} {
		f.Add(s, s)
	}
	p := DefaultPolicy()
	p.Common = Words{"password1": {}}
	f.Fuzz(func(t *testing.T, clave, confirmation string) {
		for _, q := range []Policy{p, {Min: 8, Max: 64, Mixed: true, Spanish: true}, {Min: 8, Max: 64, Symbols: true}} {
			if len(q.Check(clave, confirmation, maria())) == 0 && (utf8.RuneCountInString(q.Canonical(clave)) < 8 || !utf8.ValidString(clave)) {
				t.Fatalf("%q passed", clave)
			}
		}
		if len(p.Check(clave, clave, maria())) == 0 && strings.Trim(clave, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
			t.Fatalf("%q passed", clave)
		}
	})
}
