package login

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// maxClaveBytes caps what is ever hashed (ASVS 6.2.9).
const maxClaveBytes = 256

// Policy is what a new clave has to be (S037, D14, ASVS 6.2). The zero value
// accepts nothing.
type Policy struct {
	Min, Max int  // characters
	Mixed    bool // at least one letter and one digit
	Symbols  bool // any printable character, not only letters and digits (DEV-1)
	Spanish  bool // also ñ, á, é, í, ó, ú, ü and their capitals; claves are then taken in NFC
	// Common are the claves that everybody tries, in lower case (ASVS 6.2.4).
	Common Words
}

// Words is a set of words.
type Words map[string]struct{}

// DefaultPolicy is the intersection of both readings of the rule (D14), without
// its list of common claves.
func DefaultPolicy() Policy { return Policy{Min: 8, Max: 64, Mixed: true} }

// Canonical is a clave as it is hashed and compared: as typed, byte by byte
// (ASVS 6.2.8), but in NFC where accented letters are allowed.
func (p Policy) Canonical(clave string) string {
	if p.Spanish || p.Symbols {
		return norm.NFC.String(clave)
	}
	return clave
}

// Check returns every rule that a new clave and its confirmation break, as the
// page tells them; none means that the clave will do, but for its history. a is
// whose clave it will be.
func (p Policy) Check(clave, confirmation string, a storage.Afiliado) []templates.Fault {
	out := p.form(clave)
	if len(out) == 0 {
		out = p.guessable(clave, a)
	}
	switch {
	case clave == "":
	case confirmation == "":
		out = append(out, templates.ConfirmationEmpty)
	case p.Canonical(confirmation) != p.Canonical(clave):
		out = append(out, templates.ConfirmationOther)
	}
	return out
}

// form checks length and characters.
func (p Policy) form(clave string) []templates.Fault {
	if clave == "" {
		return []templates.Fault{templates.NuevaEmpty}
	}
	if len(clave) > maxClaveBytes {
		return []templates.Fault{templates.NuevaLong}
	}
	var out []templates.Fault
	clave = p.Canonical(clave)
	switch n := utf8.RuneCountInString(clave); {
	case n < p.Min:
		out = append(out, templates.NuevaShort)
	case n > p.Max:
		out = append(out, templates.NuevaLong)
	}
	letters, digits, others := 0, 0, !utf8.ValidString(clave)
	for _, r := range clave {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', p.Spanish && spanish(r):
			letters++
		case '0' <= r && r <= '9':
			digits++
		case p.Symbols && unicode.IsPrint(r):
		default:
			others = true
		}
	}
	if others {
		out = append(out, templates.NuevaCharacters)
	}
	if p.Mixed && letters == 0 {
		out = append(out, templates.NuevaNoLetter)
	}
	if p.Mixed && digits == 0 {
		out = append(out, templates.NuevaNoDigit)
	}
	return out
}

func spanish(r rune) bool { return strings.ContainsRune("ñÑáéíóúüÁÉÍÓÚÜ", r) }

// guessable checks the clave against the common ones and against what anybody
// would try for this person: as a whole, and as 60 % or more of it (ASVS 6.2.11).
func (p Policy) guessable(clave string, a storage.Afiliado) []templates.Fault {
	var out []templates.Fault
	if p.IsCommon(clave) {
		out = append(out, templates.NuevaCommon)
	}
	folded := fold(clave)
	covered := make([]bool, len(folded))
	for _, word := range slices.Concat(institution(), own(a)) {
		cover(covered, folded, word)
	}
	for at := range folded { // years
		if at+4 <= len(folded) && (folded[at:at+2] == "19" || folded[at:at+2] == "20") && digits(folded[at:at+4]) == folded[at:at+4] {
			cover(covered, folded, folded[at:at+4])
		}
	}
	hit := 0
	for _, c := range covered {
		if c {
			hit++
		}
	}
	if hit*100 >= 60*len(folded) {
		out = append(out, templates.NuevaPersonal)
	}
	return out
}

// IsCommon reports whether clave is on the list, whatever its case.
func (p Policy) IsCommon(clave string) bool {
	_, found := p.Common[strings.ToLower(clave)]
	return found
}

// cover marks where word stands in s. Words under three characters are in
// everything.
func cover(covered []bool, s, word string) {
	if len(word) < 3 {
		return
	}
	for at := 0; at+len(word) <= len(s); at++ {
		if s[at:at+len(word)] == word {
			for i := at; i < at+len(word); i++ {
				covered[i] = true
			}
		}
	}
}

// institution is the list of ASVS 6.1.2 that is the same for everybody.
func institution() []string {
	return []string{
		"iess", "seguro", "social", "seguridad", "afiliado", "afiliada", "pensionista", "jubilado", "jubilada", "beneficiario",
		"clave", "contrasena", "ecuador", "ecuatoriano", "ecuatoriana", "biess", "quito", "guayaquil", "cuenca",
	}
}

// own is what of a person's data she might make a clave of.
func own(a storage.Afiliado) []string {
	out := strings.FieldsFunc(fold(a.Name()), func(r rune) bool { return !letterOrDigit(r) })
	id := strings.ReplaceAll(fold(string(a.Identifier)), "-", "")
	out = append(out, id)
	if len(id) == 10 {
		out = append(out, id[:9], id[4:])
	}
	if y, m, d, ok := dateParts(a.Birthdate); ok {
		short := y[2:]
		out = append(out, y, d+m+y, d+m+short, m+d+y, y+m+d, short+m+d, y+d+m, d+m, m+y)
	}
	for _, phone := range []string{a.Mobile, a.Landline} {
		number := digits(phone)
		national := strings.TrimPrefix(number, "593")
		out = append(out, number, national, "0"+national)
		if len(national) > 7 {
			out = append(out, national[len(national)-7:])
		}
	}
	if local, _, ok := strings.Cut(fold(a.Email), "@"); ok {
		parts := strings.FieldsFunc(local, func(r rune) bool { return !letterOrDigit(r) })
		out = append(append(out, parts...), local, strings.Join(parts, ""))
	}
	return out
}

// dateParts splits 2006-01-02 into year, month and day.
func dateParts(s string) (string, string, string, bool) {
	if len(s) != len("2006-01-02") {
		return "", "", "", false
	}
	return s[:4], s[5:7], s[8:], true
}

func letterOrDigit(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' }

// digits is s without anything else.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// fold is s in lower case without accents: ñ is n, ü is u.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(strings.ToLower(s)))
}
