package templates

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// sentences are a catalogue's entries by key; one that counts has several.
func sentences(t *testing.T, lang string) map[string][]string {
	t.Helper()
	b, err := files.ReadFile("catalog/" + lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for key, value := range raw {
		var s string
		var forms map[string]string
		if json.Unmarshal(value, &s) == nil {
			all[key] = []string{s}
		} else if err := json.Unmarshal(value, &forms); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		for _, form := range []string{"one", "other"} {
			if forms != nil {
				all[key] = append(all[key], forms[form])
			}
		}
	}
	return all
}

// spanish is everything people read in Spanish, by where it is.
func spanish(t *testing.T) map[string][]string {
	t.Helper()
	all := sentences(t, "es-EC")
	names, err := fs.Glob(files, "acuerdo/*.es-EC.txt")
	if err != nil {
		t.Fatal(err)
	}
	more, err := fs.Glob(files, "declaracion/*.es-EC.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, more...) {
		b, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range readClauses(string(b)) {
			all[name] = append(all[name], c.Text)
		}
	}
	return all
}

var (
	placeholder = regexp.MustCompile(`{{\.(\w+)}}`)
	tag         = regexp.MustCompile(`<[^>]*>`)
	action      = regexp.MustCompile(`(?s){{.*?}}`)
	literal     = regexp.MustCompile(`"([^"\n]*)"`)
	hasLetter   = regexp.MustCompile(`\pL`)
)

func TestC_ES_CataloguesHaveTheSameKeysAndPlaceholders(t *testing.T) {
	es, en := sentences(t, "es-EC"), sentences(t, "en")
	names := func(s []string) []string {
		var all []string
		for _, form := range s {
			for _, m := range placeholder.FindAllStringSubmatch(form, -1) {
				all = append(all, m[1])
			}
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	for key := range en {
		if es[key] == nil {
			t.Errorf("%s is missing in es-EC", key)
		}
	}
	for key, s := range es {
		if en[key] == nil {
			t.Errorf("%s is missing in en", key)
			continue
		}
		if got, want := names(en[key]), names(s); !slices.Equal(got, want) {
			t.Errorf("%s: en has placeholders %q, es-EC %q", key, got, want)
		}
		if len(s) != len(en[key]) || slices.Contains(s, "") || slices.Contains(en[key], "") {
			t.Errorf("%s: a form is missing", key)
		}
	}
}

// sources are the literals of templates and of our code.
func sources(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, pattern := range []string{"*.go", "*.html", "pages/*.html", "mail/*"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			code := []string{string(b)}
			if filepath.Ext(name) != ".go" {
				code = action.FindAllString(code[0], -1) // attributes have quotes of their own
			}
			for _, m := range literal.FindAllStringSubmatch(strings.Join(code, "\n"), -1) {
				found[m[1]] = true
			}
		}
	}
	return found
}

// A key is used where it is written out, or where a prefix is written and the rest is: a number, a value of one of the
// types of this package, or a claim of contract.md section 5. Missing keys stop Parse.
func TestC_ES_NoSentenceIsUnused(t *testing.T) {
	used := sources(t)
	for _, word := range []string{
		"name", "given_name", "family_name", "birthdate", "locale", "email", "phone", "phone_number", "cedula", "profile",
		"afiliacion", "tipo_identificacion", "tipo_asegurado", "estado_afiliacion", "afiliado", "pensionista", "beneficiario",
		"activa", "inactiva", "codigo", "es-EC", "en",
	} {
		used[word] = true
	}
	digits := regexp.MustCompile(`^\d+$`)
	for key := range sentences(t, "es-EC") {
		if used[key] {
			continue
		}
		ok := false
		for i, r := range key {
			if (r != '.' && r != '-') || !used[key[:i+1]] {
				continue
			}
			parts := strings.Split(key[i+1:], ".")
			ok = ok || !slices.ContainsFunc(parts, func(part string) bool {
				return !used[part] && !used["."+part] && !digits.MatchString(part)
			})
		}
		if !ok {
			t.Errorf("%s is used nowhere", key)
		}
	}
}

// Markup is in few sentences, of few kinds, and those are fetched with h.
func TestCatalogueMarkup(t *testing.T) {
	allowed := regexp.MustCompile(`^</?(a|span)>$|^<a href='[/#][a-z/-]*({{\.Version}})?'>$|^<span class='(host|num)'>$`)
	marked := map[string]bool{}
	for _, lang := range Languages() {
		for key, forms := range sentences(t, lang) {
			for _, s := range forms {
				for _, m := range tag.FindAllString(s, -1) {
					marked[key] = true
					if !allowed.MatchString(m) {
						t.Errorf("%s %s: %s", lang, key, m)
					}
				}
				if strings.ContainsAny(tag.ReplaceAllString(s, ""), "<>&") {
					t.Errorf("%s %s: a bare < > or &", lang, key)
				}
			}
		}
	}
	call := regexp.MustCompile(`\b([thn]) "([^"]+)"`)
	names, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, "parts.html", "parts_recover.html", "parts_own.html", "parts_keys.html", "layout.html", "mail/letter.html", "mail/letter.txt") {
		b, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range call.FindAllStringSubmatch(string(b), -1) {
			if (m[1] == "h") != marked[m[2]] {
				t.Errorf("%s: %s %q, whose markup is %v", name, m[1], m[2], marked[m[2]])
			}
		}
	}
}

func TestC_ES_SpanishSpeaksWithUsted(t *testing.T) {
	wrong := map[string]*regexp.Regexp{
		"a word for tú or vos": regexp.MustCompile(`(?i)(^|\PL)(tú|tu|tus|te|ti|contigo|tuyo|tuya|vos|vuestro|vuestra|os)(\PL|$)`),
		"a verb for tú": regexp.MustCompile(`(?i)(^|\PL)(puedes|tienes|quieres|debes|sabes|eres|estás|has|necesitas|recuerdas|olvidaste|` +
			`ingresaste|creaste|podrás|tendrás|deberás|recibirás|escribas|ingreses|quieras|puedas|hagas|olvides)(\PL|$)`),
		"a verb for vos": regexp.MustCompile(`(?i)(^|\PL)(podés|tenés|querés|debés|sabés|sos|ingresá|escribí|revisá|mirá|llamá|usá|elegí|andá|hacé|poné)(\PL|$)`),
		"an order to tú": regexp.MustCompile(`(^|[.:;¿¡] ?)(Haz|Pon|Ve|Di|Sal|Ten|Ven|Escribe|Usa|Elige|Revisa|Espera|Llama|Abre|Cierra|Vuelve|` +
			`Guarda|Mira|Presiona|Intenta|Confirma|Acepta|Marca|Compara|Pide|Ingresa|Selecciona|Verifica|Renueva|Lee|Anota|Empieza|Cámbiala|Guárdala)(\PL|$)`),
		"a form that may be read as an order to tú": regexp.MustCompile(`(?i)(^|\PL)ingresa(\PL|$)`),
		"contraseña":        regexp.MustCompile(`(?i)contraseñ|password`),
		"an English word":   regexp.MustCompile(`(?i)(^|\PL)(login|logout|email|e-mail|mail|link|click|online|web|token|ok|cookie|browser|app)(\PL|$)`),
		"blame or a code":   regexp.MustCompile(`(?i)inválid|incorrect|error \d|erróne`),
		"a look-alike host": regexp.MustCompile(`(?i)iesse`),
	}
	for where, forms := range spanish(t) {
		for _, s := range forms {
			s = placeholder.ReplaceAllString(tag.ReplaceAllString(s, ""), "N")
			for what, re := range wrong {
				if where == "menu.language" {
					continue
				}
				if m := re.FindString(s); m != "" {
					t.Errorf("%s: %s, %q, in %q", where, what, m, s)
				}
			}
		}
	}
}

func TestC_ES_SentencesAreShort(t *testing.T) {
	end := regexp.MustCompile(`[.?!](\s|$)`)
	for where, forms := range spanish(t) {
		for _, s := range forms {
			for _, sentence := range end.Split(placeholder.ReplaceAllString(tag.ReplaceAllString(s, ""), "N"), -1) {
				if n := len(strings.Fields(sentence)); n > 20 {
					t.Errorf("%s: %d words: %q", where, n, sentence)
				}
			}
		}
	}
}

func TestC_ES_NoTextInTemplates(t *testing.T) {
	names, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		t.Fatal(err)
	}
	spoken := []string{"aria-label", "title", "alt", "placeholder", "data-show", "data-hide", "data-wait", "aria-description"}
	for _, name := range append(names, "parts.html", "parts_recover.html", "parts_own.html", "parts_keys.html", "layout.html", "mail/letter.html", "mail/letter.txt") {
		b, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		z := html.NewTokenizer(strings.NewReader(action.ReplaceAllString(string(b), "")))
		for z.Next() != html.ErrorToken {
			token := z.Token()
			if token.Type == html.TextToken && hasLetter.MatchString(tag.ReplaceAllString(token.Data, "")) { // noscript is text
				t.Errorf("%s: %q", name, token.Data)
			}
			for _, a := range token.Attr {
				if slices.Contains(spoken, a.Key) && hasLetter.MatchString(a.Val) {
					t.Errorf("%s: %s=%q", name, a.Key, a.Val)
				}
			}
		}
	}
}
