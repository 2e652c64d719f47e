package personal

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"iess.gob.ec/clave/storage"
)

// Limits of personal answers.
const (
	answerLetters = 3   // at least (S063)
	answerBytes   = 200 // of which more is never hashed
)

// Fold is a personal answer as it is hashed and compared: lower case, no accents
// (ñ is n), nothing but letters and digits (S029: who answers a year later does
// not write it the same).
func Fold(answer string) string {
	if len(answer) > 4*answerBytes {
		answer = answer[:4*answerBytes]
	}
	folded := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r):
			return unicode.ToLower(r)
		case unicode.IsDigit(r):
			return r
		default:
			return -1
		}
	}, norm.NFD.String(strings.ToValidUTF8(answer, "")))
	if len(folded) > answerBytes {
		folded = strings.ToValidUTF8(folded[:answerBytes], "")
	}
	return folded
}

// Weakness is why an answer will not do.
type Weakness int

// The weaknesses. The zero value is none.
const (
	WeakNone     Weakness = iota
	WeakEmpty             // nothing is typed
	WeakShort             // fewer than three letters
	WeakRepeated          // the same as the answer before it
	WeakRegistry          // on file: whoever has the registry knows it
	WeakPopular           // what many people answer, however put together, or a pattern of letters
)

// Check finds what is wrong with the answers that a enrols (S063, T22):
// each has at least three letters and is no other's, none of the registry's data
// and none of what everybody answers.
func Check(answers []string, a storage.Afiliado, history []storage.Historia) []Weakness {
	out := make([]Weakness, len(answers))
	known := onFile(a, history)
	folded := make([]string, len(answers))
	for i, answer := range answers {
		folded[i] = Fold(answer)
		out[i] = weakness(folded[i], strings.TrimSpace(answer) == "", known)
		if out[i] == WeakNone && all(answer, known) {
			out[i] = WeakRegistry
		}
		if out[i] == WeakNone && slices.Contains(folded[:i], folded[i]) {
			out[i] = WeakRepeated
		}
	}
	return out
}

func weakness(folded string, empty bool, known []string) Weakness {
	letters := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, folded)
	switch {
	case empty:
		return WeakEmpty
	case utf8.RuneCountInString(letters) < answerLetters:
		return WeakShort
	case slices.Contains(known, folded), slices.Contains(known, letters):
		return WeakRegistry
	case pattern([]rune(letters)), composed(letters, popular()):
		return WeakPopular
	case composed(letters, known):
		return WeakRegistry
	case composed(letters, slices.Concat(known, popular())):
		return WeakPopular
	default:
		return WeakNone
	}
}

// all reports whether an answer has no word but known ones, beside little words.
func all(answer string, known []string) bool {
	return !slices.ContainsFunc(words(answer), func(w string) bool {
		f := Fold(w)
		return utf8.RuneCountInString(f) >= answerLetters && !slices.Contains(known, f)
	})
}

// composed reports whether letters are nothing but guesses, one or more of them, each
// with an s or without, and little words or runs of a row beside them: "mi mamá",
// "San Juan", "Luna Luna", "no me acuerdo", "qweasd".
func composed(letters string, guesses []string) bool {
	const nothing, little, guessed = 0, 1, 2
	reached := make([]int, len(letters)+1)
	reached[0] = little
	beside := littleWords()
	reach := func(end, what int) { reached[end] = max(reached[end], what) }
	for at := range letters {
		if reached[at] == nothing {
			continue
		}
		rest := letters[at:]
		for _, w := range beside {
			if strings.HasPrefix(rest, w) {
				reach(at+len(w), reached[at])
			}
		}
		for _, w := range guesses {
			if after, ok := strings.CutPrefix(rest, w); ok && utf8.RuneCountInString(w) >= answerLetters {
				reach(at+len(w), guessed)
				if strings.HasPrefix(after, "s") {
					reach(at+len(w)+1, guessed)
				}
			}
		}
		for n := run(rest); n >= answerLetters; n-- {
			reach(at+n, guessed)
		}
	}
	return reached[len(letters)] == guessed
}

// littleWords stand beside others and make no answer any better.
func littleWords() []string {
	return []string{
		"el", "la", "los", "las", "un", "una", "mi", "mis", "su", "sus", "de", "del", "en", "con", "san", "santa", "no", "me", "lo", "y", "ya", "yo", "que",
	}
}

// run is how many letters text begins with that follow one another in the alphabet
// or on a keyboard, either way.
func run(text string) int {
	most := 0
	for _, row := range []string{"abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm"} {
		back := []byte(row)
		slices.Reverse(back)
		for _, row := range []string{row, string(back)} {
			n := 0
			for n < len(text) && strings.Contains(row, text[:n+1]) {
				n++
			}
			most = max(most, n)
		}
	}
	return most
}

// pattern reports whether letters are of two kinds at most, a group again and again,
// or such as "aaabbbccc".
func pattern(letters []rune) bool {
	kinds := slices.Clone(letters)
	slices.Sort(kinds)
	if len(slices.Compact(kinds)) < answerLetters {
		return true
	}
	for n := 1; n <= len(letters)/2; n++ {
		if len(letters)%n == 0 && slices.Equal(letters[n:], letters[:len(letters)-n]) {
			return true
		}
	}
	once := string(slices.Compact(slices.Clone(letters)))
	return len(once) < len(letters) && run(once) == len(once)
}

// words are the words of a text, as written.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) })
}

// onFile is what is known of a person, folded: as a whole and word by word.
func onFile(a storage.Afiliado, history []storage.Historia) []string {
	texts := []string{a.GivenName, a.FamilyName, a.Name(), a.FamilyName + a.GivenName, a.Email, a.Mobile, a.Landline, string(a.Identifier)}
	for _, h := range history {
		texts = append(texts, h.Employer, h.Province, h.Sector)
	}
	texts = append(texts, birthdays(a.Birthdate)...)
	texts = append(texts, provinces()...)
	var out []string
	for _, text := range texts {
		for _, word := range append(words(text), text) {
			if f := Fold(word); f != "" && !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
	}
	return out
}

// birthdays is a date of birth as people write it in words.
func birthdays(date string) []string {
	if len(date) != len("2006-01-02") {
		return nil
	}
	months := []string{
		"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
	}
	n := int(date[5]-'0')*10 + int(date[6]-'0')
	if n < 1 || n > len(months) {
		return nil
	}
	day, short, month := date[8:], strings.TrimPrefix(date[8:], "0"), months[n-1]
	var out []string
	for _, d := range []string{day, short} {
		out = append(out, d+" de "+month, d+" de "+month+" de "+date[:4], d+month, d+month+date[:4])
	}
	return out
}

// provinces of Ecuador: 24 guesses name one, and the cédula says which.
func provinces() []string {
	return []string{
		"Azuay", "Bolívar", "Cañar", "Carchi", "Chimborazo", "Cotopaxi", "El Oro", "Esmeraldas", "Galápagos", "Guayas", "Imbabura", "Loja",
		"Los Ríos", "Manabí", "Morona Santiago", "Napo", "Orellana", "Pastaza", "Pichincha", "Santa Elena",
		"Santo Domingo de los Tsáchilas", "Santo Domingo", "Sucumbíos", "Tungurahua", "Zamora Chinchipe",
	}
}

// popular is what many people answer, whatever the question, folded.
func popular() []string {
	return []string{
		"ecuador", "quito", "guayaquil", "cuenca", "ambato", "manta", "portoviejo", "machala", "riobamba", "ibarra", "latacunga", "iess",
		"maria", "jose", "juan", "luis", "carlos", "ana", "rosa", "jorge", "manuel", "carmen", "luz", "blanca", "gloria", "martha", "angel",
		"max", "toby", "lucas", "luna", "princesa", "rocky", "firulais", "boby", "bobby", "negro", "blanco", "azul", "rojo", "verde",
		"amarillo", "morado", "rosado", "celeste", "barcelona", "emelec", "liga", "ligadequito", "futbol", "pizza", "encebollado", "ceviche",
		"hornado", "arrozconpollo", "arroz", "pollo", "mama", "papa", "madre", "padre", "abuela", "abuelo", "hermano", "hermana", "hijo", "hija",
		"mami", "papi", "mamita", "papito", "abuelita", "abuelito", "amor", "dios", "jesus", "nada", "nadie", "nunca", "ninguno", "ninguna", "nose",
		"nohay", "nolose", "notengo", "acuerdo", "recuerdo", "desconozco", "olvide", "olvido", "noaplica", "asdf", "qwerty", "abc", "abcd", "hola", "clave",
		"contrasena", "respuesta", "pregunta", "prueba", "test", "perro", "gato", "escuela", "colegio", "casa", "familia",
	}
}
