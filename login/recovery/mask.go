package recovery

import (
	"strings"
	"unicode"

	"iess.gob.ec/clave/storage"
)

// What the page after the questions shows of a person (D19): enough for her to
// know it again, and for whoever is not her to learn nothing more.

// maskName leaves the first letter of each name.
func maskName(name string) string {
	words := strings.Fields(name)
	for i, w := range words {
		words[i] = string([]rune(w)[:1]) + "•••"
	}
	return strings.Join(words, " ")
}

// maskIdentifier leaves the last three characters.
func maskIdentifier(id storage.Identifier) string {
	if len(id) <= 3 {
		return "•••"
	}
	return "•••••••" + string(id[len(id)-3:])
}

// maskPhone leaves the last two digits; "" for no number.
func maskPhone(number string) string {
	digits := strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return r
		}
		return -1
	}, number)
	if len(digits) < 4 {
		return ""
	}
	return "•••••••" + digits[len(digits)-2:]
}
