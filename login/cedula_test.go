package login

import (
	"strings"
	"testing"

	"iess.gob.ec/clave/storage"
)

// The table of C-CED-6, with how people type.
func TestCCED5_CCED2_CCED6_Table(t *testing.T) {
	for _, good := range strings.Fields(`0159999911 0259999910 0759999915 0959999913 1059999910 1359999917 1759999913 1859999912
		2059999918 2359999915 2459999914 3059999916 1760000016`) {
		for _, typed := range []string{good, "  " + good + "\t", good[:9] + "-" + good[9:]} {
			if id, kind, err := ParseIdentifier(typed); err != nil || string(id) != good || kind != storage.IdentifierCedula {
				t.Errorf("%q: got %q %q %v", typed, string(id), kind, err)
			}
		}
	}
	for _, bad := range []string{
		"", "1759999914", "2559999913", "0059999912", "3159999915", "1779999919", "175999991", "17599999130", "１７５９９９９９１３",
		"١٧٥٩٩٩٩٩١٣", "+1759999913", "17599 99913", "175999991-3-", "17-59999991-3", "175999991--3", "1759999913\x00", "1759999913\xff",
		strings.Repeat("1", 1<<20), strings.Repeat(" ", 100) + "1759999913", "1759999913;--", "175999991−3",
	} {
		if id, kind, err := ParseIdentifier(bad); err == nil {
			t.Errorf("%.40q: got %q %q", bad, string(id), kind)
		}
	}
}

func TestCCED3_ThirdDigit(t *testing.T) {
	strict := Identifiers{ThirdDigitMax: 5}
	if _, _, err := strict.Parse("1760000016"); err == nil {
		t.Error("type 6 passed with a limit of 5")
	}
	if _, _, err := strict.Parse("1759999913"); err != nil {
		t.Error(err)
	}
}

func TestCEXT_Codes(t *testing.T) {
	for typed, want := range map[string]string{"ext-0004711": "EXT-0004711", " A1234 ": "A1234", "ABCDEFGHIJ0123456789": "ABCDEFGHIJ0123456789"} {
		if id, kind, err := ParseIdentifier(typed); err != nil || string(id) != want || kind != storage.IdentifierCodigo {
			t.Errorf("%q: got %q %q %v", typed, string(id), kind, err)
		}
	}
	for _, bad := range []string{"A123", "ABCDEFGHIJ01234567890", "EXT 0004711", "ext_0004711", "EXTÑ0004711", "ſ2345", "ı2345", "12345", "12-345", "<b>12345"} {
		if id, _, err := ParseIdentifier(bad); err == nil {
			t.Errorf("%q: got %q", bad, string(id))
		}
	}
}

// second is the rule again, from its description rather than from our code.
func second(s string) bool {
	if len(s) != 10 || strings.Trim(s, "0123456789") != "" {
		return false
	}
	weights := [9]int{2, 1, 2, 1, 2, 1, 2, 1, 2}
	sum := 0
	for i, w := range weights {
		product := int(s[i]-'0') * w
		if product > 9 {
			product -= 9
		}
		sum += product
	}
	check := (10 - sum%10) % 10
	province := s[:2]
	known := province == "30" || "01" <= province && province <= "24"
	return known && s[2] <= '6' && check == int(s[9]-'0')
}

// FT-17: no text crashes the parser, and it agrees with a second implementation.
func FuzzFT17_ParseIdentifier(f *testing.F) {
	for _, s := range []string{"1759999913", "175999991-3", " 0959999913 ", "EXT-0004711", "１７５９９９９９１３", "1779999919", "\x00", "ſ2345"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, kind, err := ParseIdentifier(s)
		if (err == nil) != (id != "") {
			t.Fatalf("%q: got %q %v", s, string(id), err)
		}
		if got, want := kind == storage.IdentifierCedula, second(s); want && !got || got && !second(string(id)) {
			t.Fatalf("%q: a cédula? %v, the other says %v", s, got, want)
		}
		if kind == storage.IdentifierCodigo && second(string(id)) {
			t.Fatalf("%q collides with a cédula", s)
		}
		if err == nil {
			if again, sameKind, err := ParseIdentifier(string(id)); err != nil || again != id || sameKind != kind {
				t.Fatalf("%q is not stable: %q", s, string(id))
			}
		}
	})
}

// Every sequence of one province and type, against the second implementation.
func TestCCED1_Differential(t *testing.T) {
	b := []byte("1700000000")
	for n := range 300000 {
		for i, v := 9, n*31%10000000; i >= 3; i-- {
			b[i], v = byte('0'+v%10), v/10
		}
		b[0], b[1], b[2] = byte('0'+n%4), byte('0'+n/4%10), byte('0'+n/40%10)
		_, kind, err := ParseIdentifier(string(b))
		if got := err == nil && kind == storage.IdentifierCedula; got != second(string(b)) {
			t.Fatalf("%s: got %v", b, got)
		}
	}
}
