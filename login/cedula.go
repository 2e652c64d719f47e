package login

import (
	"errors"
	"strings"

	"iess.gob.ec/clave/storage"
)

// ErrIdentifier says that a text is neither a cédula nor a código de
// identificación. Nobody has been looked up.
var ErrIdentifier = errors.New("login: neither a cédula nor a código de identificación")

// maxIdentifier is the longest text, in bytes, that is looked at as an
// identifier: room for a code with spaces around it.
const maxIdentifier = 64

// Identifiers are the rules of the field "Cédula o código".
type Identifiers struct {
	// ThirdDigitMax is the greatest third digit of a cédula (C-CED-3); 0 means 6.
	ThirdDigitMax int
}

// ParseIdentifier is Identifiers{}.Parse.
func ParseIdentifier(text string) (storage.Identifier, string, error) {
	return Identifiers{}.Parse(text)
}

// Parse reads a cédula (C-CED-1 to 5) or a foreigner's code (C-EXT) and returns
// it normalised, with its type (storage.IdentifierCedula, IdentifierCodigo), or
// ErrIdentifier. Outer spaces and one hyphen before the last digit of a cédula
// are forgiven. Whatever consists of digits alone is meant as a cédula: a code
// has a letter, so that a mistyped cédula is never taken for one.
func (i Identifiers) Parse(text string) (storage.Identifier, string, error) {
	if len(text) > maxIdentifier {
		return "", "", ErrIdentifier
	}
	text = strings.TrimSpace(text)
	cedula := text
	if len(text) == 11 && text[9] == '-' {
		cedula = text[:9] + text[10:]
	}
	if i.cedula(cedula) {
		return storage.Identifier(cedula), storage.IdentifierCedula, nil
	}
	if code, ok := codigo(text); ok {
		return storage.Identifier(code), storage.IdentifierCodigo, nil
	}
	return "", "", ErrIdentifier
}

// cedula reports whether s is ten ASCII digits with a province, a third digit
// and a check digit that the Registro Civil gives out.
func (i Identifiers) cedula(s string) bool {
	if len(s) != 10 || strings.Trim(s, "0123456789") != "" {
		return false
	}
	most := i.ThirdDigitMax
	if most == 0 {
		most = 6
	}
	province := int(s[0]-'0')*10 + int(s[1]-'0')
	return s[9] == CheckDigit(s[:9]) && (1 <= province && province <= 24 || province == 30) && int(s[2]-'0') <= most
}

// CheckDigit is the tenth digit of the cédula that begins with nine, which are
// ASCII digits (C-CED-5).
func CheckDigit(nine string) byte {
	sum := 0
	for at := range len(nine) {
		digit := int(nine[at]) - '0'
		if at%2 == 0 {
			if digit *= 2; digit > 9 {
				digit -= 9
			}
		}
		sum += digit
	}
	return byte('0' + (10-sum%10)%10)
}

// codigo returns s in upper case if it is 5 to 20 of A-Z, 0-9 and hyphen with at
// least one letter.
func codigo(s string) (string, bool) {
	if len(s) < 5 || len(s) > 20 {
		return "", false
	}
	upper, letters := []byte(s), 0
	for at, c := range upper {
		switch {
		case 'a' <= c && c <= 'z': // not strings.ToUpper: it makes ASCII of other letters
			upper[at] = c - 'a' + 'A'
			letters++
		case 'A' <= c && c <= 'Z':
			letters++
		case '0' <= c && c <= '9', c == '-':
		default:
			return "", false
		}
	}
	return string(upper), letters > 0
}
