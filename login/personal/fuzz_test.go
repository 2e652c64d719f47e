package personal_test

import (
	"strings"
	"testing"
	"testing/quick"
	"unicode"
	"unicode/utf8"

	"iess.gob.ec/clave/login/personal"
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
		out := personal.Fold(answer)
		if !utf8.ValidString(out) || len(out) > 200 || personal.Fold(out) != out {
			t.Fatalf("%q is folded to %q, and that to %q", answer, out, personal.Fold(out))
		}
		if strings.ContainsFunc(out, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			t.Fatalf("%q is folded to %q", answer, out)
		}
	})
}

// T22, T27: whatever is typed and on file, each answer gets a judgement; what is
// taken has three letters, is not the other one, and not her name or birthday.
func FuzzT22_T27_Check(f *testing.F) {
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
		got := personal.Check(typed, a, []storage.Historia{{Employer: first + name, Province: name, Sector: birthdate}})
		if len(got) != len(typed) {
			t.Fatalf("%d judgements", len(got))
		}
		for i, weakness := range got {
			letters := 0
			for _, r := range personal.Fold(typed[i]) {
				if unicode.IsLetter(r) {
					letters++
				}
			}
			if weakness != personal.WeakNone {
				continue
			}
			if letters < 3 || i > 0 && personal.Fold(typed[i]) == personal.Fold(typed[0]) || i == 1 || i == 2 {
				t.Fatalf("%q is taken as answer %d of %q, %q", typed[i], i, name, birthdate)
			}
		}
	})
}

// T27: folding never fails, is bounded, and folding twice is folding once.
func TestT27_Fold(t *testing.T) {
	err := quick.Check(func(s string, b []byte) bool {
		for _, in := range []string{s, string(b), s + string(b), strings.Repeat(s, 50)} {
			out := personal.Fold(in)
			if !utf8.ValidString(out) || len(out) > 200 || personal.Fold(out) != out {
				return false
			}
		}
		return true
	}, &quick.Config{MaxCount: 2000})
	if err != nil {
		t.Error(err)
	}
}
