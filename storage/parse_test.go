package storage

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestParsePhones(t *testing.T) {
	for _, tt := range []struct{ in, mobile, landline string }{
		{"0991234567", "+593991234567", ""},
		{"099 123-4567", "+593991234567", ""},
		{"+593 99 123 4567", "+593991234567", ""},
		{"00593991234567", "+593991234567", ""},
		{"+593 (0)99 123 4567", "+593991234567", ""},
		{"023945666", "", "+59323945666"},
		{"+593 2 394 5666", "", "+59323945666"},
		{"072-345.678", "", "+59372345678"},
		{"+44 20 7946 0958", "+442079460958", "+442079460958"},
		{"0044 20 7946 0958", "+442079460958", "+442079460958"},
		{"991234567", "", ""},
		{"0891234567", "", ""},
		{"083945666", "", ""},
		{"09912345678", "", ""},
		{"099123456", "", ""},
		{"+0991234567", "", ""},
		{"+1234567", "", ""},
		{"+1234567890123456", "", ""},
		{"", "", ""},
		{"099123456a", "", ""},
		{"٠٩٩١٢٣٤٥٦٧", "", ""},
	} {
		if got, err := ParseMobile(tt.in); got != tt.mobile || (err == nil) != (tt.mobile != "") {
			t.Errorf("celular %q: got %q, %v; want %q", tt.in, got, err, tt.mobile)
		}
		if got, err := ParseLandline(tt.in); got != tt.landline || (err == nil) != (tt.landline != "") {
			t.Errorf("convencional %q: got %q, %v; want %q", tt.in, got, err, tt.landline)
		}
	}
}

func TestParseEmail(t *testing.T) {
	for _, good := range []string{"maria@example.org", "m.f+iess@correo.example.com.ec", "a@b.ec", "x_y-z'w@sub.example.org"} {
		if got, err := ParseEmail(good); err != nil || got != good {
			t.Errorf("%q: got %q, %v", good, got, err)
		}
	}
	for _, bad := range []string{
		"", "maria", "@example.org", "maria@", "maria@localhost", "maria@example.org\r\nBcc: x@example.org", "María <maria@example.org>",
		"maria@example.org,x@example.org", "maria @example.org", `"m a"@example.org`, "maria@[192.0.2.1]", "m..a@example.org", ".m@example.org",
		"maría@example.org", "maria@exämple.org", "maria@-example.org", "maria@example..org", "maria@example.org.", "m@1.2.3.4",
		strings.Repeat("a", 65) + "@example.org", "a@" + strings.Repeat("b.", 130) + "org", "a\x00@example.org",
	} {
		if got, err := ParseEmail(bad); err == nil {
			t.Errorf("%q was taken as %q", bad, got)
		}
	}
}

func FuzzPhone(f *testing.F) {
	for _, s := range []string{"0991234567", "+593 2 394 5666", "0044 20 7946 0958", "+593(0)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, parse := range []func(string) (string, error){ParseMobile, ParseLandline} {
			got, err := parse(s)
			if err != nil {
				continue
			}
			if !e164.MatchString(got) {
				t.Errorf("%q became %q, which is not E.164", s, got)
			}
			if again, err := parse(got); err != nil || again != got {
				t.Errorf("%q became %q, then %q, %v", s, got, again, err)
			}
		}
	})
}

func FuzzEmail(f *testing.F) {
	for _, s := range []string{"maria@example.org", "a@b.c", "\"x\"@example.org", "a@b\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := ParseEmail(s); err == nil && (got != s || strings.ContainsAny(s, "\r\n \t<>,;") || strings.Count(s, "@") != 1) {
			t.Errorf("%q was taken as %q", s, got)
		}
	})
}

// No file makes an import panic, loop, take more memory than its longest line or
// pass a text that the database refuses.
func FuzzImport(f *testing.F) {
	const header = "cedula,nombres,apellidos,fecha_nacimiento,correo,celular,convencional,tipo_asegurado,estado,huella,clave_phc,clave_fecha\n"
	f.Add([]byte(header + "1759999913,María,Quishpe,1985-03-14,m@example.org,0991234567,023945666,afiliado|pensionista,activa,si,,\n"))
	f.Add([]byte("\ufeff" + strings.ReplaceAll(header, ",", ";") + "\"a\"\"b\";\"\r\n\";;\n\n"))
	f.Add([]byte("cedula,empleador_ruc,empleador,anio,mes,dias,sueldo,tipo\n1759999913,1790016919001,X,2024,1,30,482.00,A\n\"\n\x00\n\xff"))
	db := &DB{cfg: Config{Keys: Keys{Index: make([]byte, 32)}}}
	opts := ImportOptions{
		Identifier: func(s string) (Identifier, string, error) {
			if s == "" {
				return "", "", errors.New("is empty")
			}
			return Identifier(s), IdentifierCedula, nil
		},
		Now:      func() time.Time { return time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC) },
		ClaveDue: func(set time.Time, _ string) time.Time { return set },
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		people, history := &afiliadoImport{db: db, opts: opts}, &historiaImport{db: db, opts: opts}
		for _, kind := range []struct {
			columns []Column
			imp     importer
		}{{AfiliadosColumns(), people}, {HistoriaColumns(), history}} {
			in, err := newLines(bytes.NewReader(file), kind.columns)
			if err != nil {
				continue
			}
			lines := bytes.Count(file, []byte("\n")) + 1
			for n := 0; ; n++ {
				r, refused, err := in.record()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil || n > lines {
					t.Fatalf("record %d of %d lines: %v", n, lines, err)
				}
				if refused == nil {
					refused = kind.imp.parse(r)
				}
				if refused != nil && (refused.Line < 2 || !utf8.ValidString(refused.String())) {
					t.Errorf("refusal %+v", *refused)
				}
			}
			if in.read != int64(len(file)) {
				t.Errorf("read %d bytes of %d", in.read, len(file))
			}
		}
		for _, l := range people.batch {
			if err := storable([]any{string(l.a.Identifier), l.a.GivenName, l.a.FamilyName, l.a.Email}); err != nil || len(l.a.Kinds) == 0 {
				t.Errorf("%+v was taken: %v", l.a, err)
			}
		}
		for _, l := range history.batch {
			if err := storable([]any{l.h.Employer, l.h.Kind, l.h.Province, l.h.Sector}); err != nil || l.h.SalaryCents < 0 {
				t.Errorf("%+v was taken: %v", l.h, err)
			}
		}
	})
}
