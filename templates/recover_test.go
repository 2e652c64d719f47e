package templates

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// tree is page as a browser reads it.
func tree(t *testing.T, page Page) *html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body(t, parsed(t), page)))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// says fails where page does not say one of want, between tags or not.
func says(t *testing.T, page Page, want ...string) {
	t.Helper()
	got := words(tree(t, page))
	for _, s := range want {
		if !strings.Contains(got, s) {
			t.Errorf("%s does not say %q:\n%s", page.name(), s, got)
		}
	}
}

func TestS022_S023_S026_S060_WizardHasOneEntryForEverybody(t *testing.T) {
	root := tree(t, RecoverStart{Challenge: sampleChallenge("")})
	field := byID(root, "identificacion")
	if attr(field, "inputmode") != "numeric" || words(byID(root, "buscar")) != "Buscar" {
		t.Error("no numeric keypad, or another button")
	}
	says(t, RecoverStart{}, "Número de cédula o código", "Crea su clave por primera vez, o una nueva si la olvidó.", "Paso 1 de 4: Cédula")
}

func TestS027_S061_D11_BirthdayIsDayAndMonthAlone(t *testing.T) {
	for _, page := range []Page{RecoverQuestions{History: sampleQuiz()}, RecoverElsewhere{Personal: "apodo"}} {
		root := tree(t, page)
		for id, want := range map[string]struct {
			most         int
			autocomplete string
		}{"dia": {31, "bday-day"}, "mes": {12, "bday-month"}} {
			field := byID(root, id)
			options := elements(field, "option")
			if field.Data != "select" || attr(field, "autocomplete") != want.autocomplete || len(options) != want.most+1 {
				t.Fatalf("%s %s: %s, %d options", page.name(), id, field.Data, len(options))
			}
			for i, o := range options[1:] {
				if attr(o, "value") != strconv.Itoa(i+1) {
					t.Errorf("%s: option %d is %q", id, i+1, attr(o, "value"))
				}
			}
		}
		if byID(root, "anio") != nil || words(elements(byID(root, "mes"), "option")[2]) != "febrero" {
			t.Error("the year is asked, or a month has no name")
		}
	}
}

func TestS028_S029_D08_TwoAndTwoQuestions(t *testing.T) {
	root := tree(t, RecoverQuestions{History: sampleQuiz(), Personal: [2]string{"apodo", "tienda"}})
	for _, id := range []string{"historia_1", "historia_2"} {
		radios := elements(byID(root, id), "input")
		if len(radios) != 6 || words(elements(byID(root, id), "legend")[0]) == "" {
			t.Fatalf("%s has %d options", id, len(radios))
		}
		for i, r := range radios {
			if attr(r, "name") != id || attr(r, "value") != strconv.Itoa(i) || has(r, "checked") {
				t.Errorf("%s: option %d is %v", id, i, r.Attr)
			}
		}
	}
	says(t, RecoverQuestions{History: sampleQuiz(), Personal: [2]string{"apodo", "tienda"}},
		"Pregunta 1 de 4 ¿Con cuál de estos empleadores ha trabajado?", "Pregunta 2 de 4 ¿Cuál fue su sueldo mensual más alto",
		"Pregunta 3 de 4 ¿Qué apodo le decían en casa", "Pregunta 4 de 4 ¿Cómo se llamaba la tienda",
		"Si es su primera vez, déjelas en blanco.", "Ninguna de las anteriores", "hasta junio de 2026")
}

// A wrong attempt says how many are left and never which block failed; what was typed stays (S030, S043, T22).
func TestS030_S043_T22_WrongAnswersAreNotTold(t *testing.T) {
	typed := RecoverAnswers{Day: "29", Month: "2", History: [2]string{"1", "5"}, Personal: [2]string{"Chispa", "La Esquina"}}
	page := RecoverQuestions{History: sampleQuiz(), Personal: [2]string{"apodo", "tienda"}, Typed: typed, Wrong: true, Left: 2}
	root := tree(t, page)
	if attr(byID(root, "resumen").Parent, "role") != "alert" {
		t.Error("nobody hears of it")
	}
	for _, e := range elements(root) {
		if has(e, "aria-invalid") {
			t.Errorf("%s is marked", attr(e, "name"))
		}
	}
	says(t, page, "Alguna respuesta no coincide. Le quedan dos intentos.", "Por seguridad no decimos cuál.")
	chosen := 0
	for _, e := range elements(root, "option", "input") {
		if has(e, "selected") || has(e, "checked") || slices.Contains([]string{"Chispa", "La Esquina"}, attr(e, "value")) {
			chosen++
		}
	}
	if chosen != 6 {
		t.Errorf("%d answers stayed, want 6", chosen)
	}
	page.Left = 1
	says(t, page, "Le queda un intento.")
}

func TestFT24_UnavailableSaysThatNoAttemptWasSpent(t *testing.T) {
	for _, page := range []Page{
		RecoverQuestions{History: sampleQuiz(), Unavailable: true},
		RecoverElsewhere{History: sampleQuiz()[0], Unavailable: true},
		RecoverClave{Unavailable: true},
	} {
		says(t, page, "no están disponibles por el momento", "No se perdió ningún intento.")
	}
}

// Who ends here reads the same, whatever the reason (S030, T01).
func TestS030_T01_FailedSaysNothingOfThePerson(t *testing.T) {
	says(t, RecoverFailed{}, "Por aquí no podemos seguir", "Después de cinco intentos fallidos, este camino se cierra y la clave puede bloquearse", "Centro de Atención Universal (CAU)")
	says(t, RecoverFailed{Attempts: 3, Open: true}, "Después de tres intentos fallidos, este camino se cierra")
}

// A clave locked by wrong answers is not recovered with more of them: page and mail lead elsewhere.
func TestS030_WhoIsLockedByAnswersIsNotSentBack(t *testing.T) {
	for _, a := range elements(byID(tree(t, Locked{Reason: ReasonRecuperacion}), "contenido"), "a") {
		if attr(a, "href") == "/generar-recuperar" {
			t.Error("the page leads back to the questions")
		}
	}
	for _, m := range []Mail{
		MailClaveLocked{Reason: ReasonRecuperacion}, MailClaveLocked{Reason: ReasonRecuperacion, Online: true}, MailUnlockAssisted{Reason: ReasonRecuperacion},
	} {
		if got := send(t, parsed(t), "es-EC", m); strings.Contains(got.text, "/generar-recuperar") || !strings.Contains(strings.ToLower(got.text), "persona") {
			t.Errorf("the mail leads back to the questions, or to nobody:\n%s", got.text)
		}
	}
}

func TestS031_D19_DataIsWhatWasGivenMasked(t *testing.T) {
	page := RecoverData{Name: "M•••", Identificacion: "17•••13", Email: "m•••e@c…", Wait: 72 * time.Hour}
	says(t, page, "M•••", "17•••13", "m•••e@c…", "No consta", "Escriba al menos un teléfono.", "3 días")
	for _, e := range elements(tree(t, page), "input") {
		if attr(e, "type") != "hidden" && attr(e, "value") != "" {
			t.Errorf("%s is filled in", attr(e, "name"))
		}
	}
}

func TestS034_S035_S050_SentIsNeutralAndSaysHowLong(t *testing.T) {
	page := RecoverSent{Asked: sampleTime(), Life: 15 * time.Minute, Limit: 3, Window: 15 * time.Minute}
	says(t, page, "Si los datos corresponden a una cuenta", "Vale 15 minutos desde que llega", "puede tardar hasta 15 minutos: espérelo hasta las 11:20", "SPAM",
		"Enlace para crear su clave del IESS")
	if words(byID(tree(t, page), "reenviar")) != "Enviar otro enlace" {
		t.Error("another link is not one press away")
	}
	page.Next = sampleTime().Add(10 * time.Minute)
	says(t, page, "Podrá pedir otro enlace a las 11:15")
	if byID(tree(t, page), "reenviar") != nil {
		t.Error("another link is offered")
	}
}

// A changed address waits, and the page says until when and how not to (D18).
func TestS032_D18_ChangedAddressSaysWhenItCounts(t *testing.T) {
	says(t, RecoverSent{Asked: sampleTime(), Changed: true, Ready: sampleTime().Add(72 * time.Hour)},
		"Todavía no usamos el correo nuevo.", "25 de noviembre de 2026, 11:05", "apruebe allí el cambio", "su clave sigue igual")
	for _, step := range []ContactStep{ContactConfirm, ContactApprove} {
		says(t, ContactLink{Step: step}, "Todavía no hicimos nada.")
	}
	says(t, ContactLink{Step: ContactCancelled, Ready: sampleTime()}, "Su cuenta sigue con el correo de antes.")
}

func TestS036_LAW20_DeclarationNeverChangesNorTicksItself(t *testing.T) {
	want := map[string]string{"2026-11-22": "3c0abbea3e1177b5febaca6f4b9505f2b4d80839a35e80a875e988a00666edd3"}
	p := parsed(t)
	for version, hash := range want {
		d, ok := p.DeclarationVersion(version)
		if !ok || d.Hash != hash {
			t.Errorf("version %s has hash %q, want %q", version, d.Hash, hash)
		}
		says(t, Declaracion{Declaration: d}, version, "mis respuestas son verdaderas")
	}
	if _, ok := p.DeclarationVersion("2020-01-01"); ok || len(p.agreements[declaracion]) != len(want) || p.Declaration().Hash == "" {
		t.Error("a version exists that never was, or none is in force")
	}
	if p.Declaration().Hash == p.Agreement().Hash {
		t.Error("the declaration is the agreement")
	}
	if has(byID(tree(t, RecoverClave{}), "declaracion"), "checked") || !has(byID(tree(t, RecoverClave{Declared: true}), "declaracion"), "checked") {
		t.Error("it is ticked by itself, or does not stay ticked")
	}
}

func TestS037_S039_D07_ClavePageTellsItsRulesAndItsTime(t *testing.T) {
	page := RecoverClave{Opened: "SELLO", Until: sampleTime(), Remaining: 15 * time.Minute, Rules: Rules{Min: 8, Max: 64, History: 5}}
	says(t, page, "Tiene hasta las 11:05 quedan 15 minutos", "De 8 a 64 caracteres.", "Solo números y letras")
	if got := body(t, parsed(t), page); strings.Index(got, "De 8 a 64") > strings.Index(got, `name="clave_nueva"`) || !strings.Contains(got, `name="abierto" value="SELLO"`) {
		t.Error("the rules come after the field, or the time of opening is lost")
	}
	says(t, LinkExpired{Purpose: LinkToGenerate, State: LinkLate, Resend: true}, "El tiempo para escribir la clave terminó", "Enviar otro enlace")
}

// D13: the buttons of the way have the words of the IESS's own guide.
func TestD13_ButtonsHaveTheWordsOfTheGuide(t *testing.T) {
	for _, tt := range []struct {
		page    Page
		id, say string
	}{
		{RecoverStart{Challenge: sampleChallenge("")}, "buscar", "Buscar"},
		{RecoverQuestions{History: sampleQuiz()}, "continuar", "Continuar"},
		{RecoverData{}, "continuar", "Continuar"},
		{RecoverClave{}, "confirmar", "Confirmar"},
	} {
		if got := words(byID(tree(t, tt.page), tt.id)); got != tt.say {
			t.Errorf("%s: the button says %q, want %q", tt.page.name(), got, tt.say)
		}
	}
}

func TestS038_RecoverDoneLeadsToTheApplication(t *testing.T) {
	root := tree(t, RecoverDone{Application: &sampleApplications()[1]})
	if attr(byID(root, "ingresar"), "href") != "https://prestamos.iess.example/" || attr(byID(tree(t, RecoverDone{}), "ingresar"), "href") != "/ingresar" {
		t.Error("the way on is missing")
	}
}

func TestS049_D30_LeavingHasNoEffect(t *testing.T) {
	for _, page := range []Page{RecoverStart{}, RecoverQuestions{History: sampleQuiz()}, RecoverData{}, RecoverElsewhere{Personal: "apodo"}, RecoverClave{}} {
		left := false
		for _, a := range elements(byID(tree(t, page), "contenido"), "a") {
			left = left || words(a) == "Salir" && attr(a, "href") == "/"
		}
		if !left {
			t.Errorf("%s has no way out", page.name())
		}
	}
	if b := byID(tree(t, RecoverData{Goal: sampleGoal()}), "cancelar"); words(b) != "Salir y volver a Préstamos" {
		t.Error("leaving does not lead back")
	}
}

func TestS063_QuestionsToEnrolHaveWordsOfTheirOwn(t *testing.T) {
	for _, lang := range Languages() {
		seen := map[string]bool{}
		for _, key := range PersonalQuestions() {
			text, err := parsed(t).post[lang].c.text("personal." + key)
			if err != nil || seen[text] || !IsPersonalQuestion(key) {
				t.Errorf("%s %s: %q, %v", lang, key, text, err)
			}
			seen[text] = true
		}
		if len(seen) < 12 {
			t.Errorf("%s: only %d questions", lang, len(seen))
		}
	}
	if IsPersonalQuestion("") || IsPersonalQuestion("otra") {
		t.Error("a key is known that is none")
	}
	says(t, RecoverQuestions{History: sampleQuiz(), Personal: [2]string{"de-antes", ""}}, "Su pregunta personal")
	without, with := tree(t, RecoverClave{}), tree(t, RecoverClave{Enrol: true})
	for _, id := range []string{"pregunta_1", "respuesta_1", "pregunta_2", "respuesta_2"} {
		if byID(without, id) != nil || byID(with, id) == nil || attr(byID(with, id), "name") != id {
			t.Errorf("%s is asked of the wrong people", id)
		}
	}
}

// Every fault of the wizard has words, and a field to lead to.
func TestWizardFaultsHaveFieldsAndWords(t *testing.T) {
	for _, lang := range Languages() {
		l := Layout{Lang: lang}
		for _, f := range []Fault{DiaEmpty, MesEmpty, FechaImpossible, Historia1Empty, Historia2Empty} {
			leads(t, RecoverQuestions{Layout: l, History: sampleQuiz(), Faults: []Fault{f}}, f)
		}
		leads(t, RecoverElsewhere{Layout: l, Personal: "apodo", Faults: []Fault{Personal1Empty}}, Personal1Empty)
		for _, f := range []Fault{CorreoMalformed, CorreoLimit, CelularMalformed, LandlineMalformed, TelefonoMissing} {
			leads(t, RecoverData{Layout: l, Faults: []Fault{f}}, f)
		}
		for _, f := range []Fault{
			DeclarationMissing, Pregunta1Empty, Pregunta2Empty, PreguntaSame, Respuesta1Empty, Respuesta1Short, Respuesta1Personal,
			Respuesta1Common, Respuesta2Empty, Respuesta2Short, Respuesta2Personal, Respuesta2Common, Respuesta2Same, NuevaUsed,
		} {
			leads(t, RecoverClave{Layout: l, Enrol: true, Faults: []Fault{f}}, f)
		}
		for _, s := range []LinkState{LinkEnded, LinkUsed, LinkReplaced, LinkUnknown} {
			body(t, parsed(t), LinkExpired{Layout: l, Purpose: LinkToContact, State: s})
		}
	}
}

// leads fails where page does not lead from its summary to the field of f.
func leads(t *testing.T, page Page, f Fault) {
	t.Helper()
	root := tree(t, page)
	field, linked := byID(root, f.field()), false
	for _, a := range elements(byID(root, "resumen").Parent, "a") {
		linked = linked || attr(a, "href") == "#"+f.field() && words(a) != ""
	}
	if field == nil || attr(field, "aria-invalid") != "true" || !linked {
		t.Errorf("%s leads nowhere", f)
	}
}

func TestQuizWords(t *testing.T) {
	c := parsed(t).post["es-EC"].c
	for _, tt := range []struct {
		option QuizOption
		want   string
	}{
		{QuizOption{None: true}, "Ninguna de las anteriores"},
		{QuizOption{Text: "Azuay"}, "Azuay"},
		{QuizOption{Year: 2019, Quarter: 2}, "Abril a junio de 2019"},
		{QuizOption{Year: 2019}, "2019"},
		{QuizOption{To: 9999}, "Menos de 100 dólares"},
		{QuizOption{From: 85000, To: 114999}, "Entre 850 y 1.150 dólares"},
		{QuizOption{From: 480050}, "4.800,50 dólares o más"},
		{QuizOption{From: 123456700, To: 200000000}, "Entre 1.234.567 y 2.000.000,01 dólares"},
	} {
		if got, err := c.option(tt.option); err != nil || got != tt.want {
			t.Errorf("got %q, %v, want %q", got, err, tt.want)
		}
	}
	if got, err := parsed(t).post["en"].c.option(QuizOption{From: 85000, To: 114999}); err != nil || got != "Between 850 and 1,150 dollars" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := c.ask(QuizQuestion{Field: "no-such-field"}); err == nil {
		t.Error("a field without words was asked")
	}
}

// The mails of the wizard say what, when, where, from which device, and what to do (T04, T05, D18).
func TestT04_T05_D18_WizardMailsAreComplete(t *testing.T) {
	p := parsed(t)
	const notme = "No fui yo:\n" + testIssuer + "/enlace/EJEMPLO-NO-FUI-YO\n"
	for name, want := range map[string][]string{
		"enlace-generar":                   {"vence a las 11:10", "Vale 15 minutos", "hasta qué hora puede escribir", testIssuer + "/enlace/EJEMPLO\n", "SI NO FUE USTED, NO ABRA EL ENLACE"},
		"enlace-retenido":                  {"cambió hace pocos días", "desde el 25 de noviembre de 2026, 11:05", testIssuer + "/ayuda", notme},
		"enlace-retenido-cambio":           {"un cambio de correo sin terminar", "apruebe el cambio", notme},
		"desbloqueo-asistido-recuperacion": {"Hubo varias respuestas equivocadas al recuperarla", "Su huella no consta", "CAU"},
		"preguntas-superadas":              {"respondió bien todas las preguntas", "Todavía nada cambió", notme},
		"preguntas-agotadas":               {"respondió mal las preguntas", "Su clave no cambió", "Espere un día", notme},
		"clave-recuperada":                 {"puso una clave nueva", "Cerramos todas las sesiones", notme},
		"clave-recuperada-primera": {
			"creó la clave de su cuenta", notme,
		},
		"correo-nuevo": {"Confirmar mi correo:\n" + testIssuer + "/enlace/EJEMPLO\n", "vale desde el 25 de noviembre de 2026, 11:05", "No tiene que hacer nada"},
		"correo-viejo": {"25 de noviembre de 2026, 11:05, si nadie lo cancela", "Aprobar el cambio:\n" + testIssuer + "/enlace/EJEMPLO\n", "se cancela el cambio", notme},
	} {
		var got mailed
		for _, s := range MailStates() {
			if s.Name == name {
				got = send(t, p, "es-EC", s.Sample(testIssuer))
			}
		}
		flat := strings.Join(strings.Fields(got.text), " ")
		for _, want := range append(want, "Cuándo: 22 de noviembre de 2026, 11:05", "Red: 186.46.12.x", "Equipo: Firefox · Windows") {
			if !strings.Contains(flat, strings.Join(strings.Fields(want), " ")) {
				t.Errorf("%s does not say %q:\n%s", name, want, got.text)
			}
		}
	}
	first := send(t, p, "es-EC", MailRecovered{First: true})
	if strings.Contains(first.text, "anterior") || strings.Contains(first.text, "Cerramos") {
		t.Error("the first clave is told to have one before it")
	}
}
