package templates

import "slices"

// PersonalQuestions are the keys of the personal questions people choose from when they enrol (S063), in the order shown.
// A key never changes its meaning: enrolled answers belong to it.
//
// Each asks for one or two words that a person still knows at 70, that stay the same, and that neither a registry nor a
// social network holds. So nothing of birth places, surnames, schools, employers, addresses, spouses, pets, teams or
// dates, and nothing of which there are only a few, such as colours.
func PersonalQuestions() []string {
	return []string{
		"apodo", "amistad", "apodo-amistad", "vecindad", "tienda", "docente", "juguete", "regalo", "cuento", "cancion",
		"programa", "dulce", "comida", "rincon", "objeto", "primer-sueldo",
	}
}

// IsPersonalQuestion reports whether key is one of [PersonalQuestions].
func IsPersonalQuestion(key string) bool { return slices.Contains(PersonalQuestions(), key) }

// PersonalQuestion is the question with that key in words, in one of [Languages]; "" where there is none.
func (p *Pages) PersonalQuestion(lang, key string) string {
	mails, found := p.post[lang]
	if !found || !IsPersonalQuestion(key) {
		return ""
	}
	return mails.c.plain["personal."+key]
}
