package main

import (
	"time"

	"iess.gob.ec/clave/storage"
)

// commonClave is the clave of everybody who has one and no other.
const commonClave = "Cotopaxi47"

// person is one of the made-up people, as contract.md section 2 lists them.
type person struct {
	identifier storage.Identifier
	given      string
	family     string
	birthdate  string // YYYY-MM-DD
	email      string // "" where no mailbox is on file
	mobile     string // as written in Ecuador; made up
	landline   string
	kinds      []string
	finger     bool // fingerprint registered at a CAU

	clave    string        // "": never had one
	claveAge time.Duration // since it was set
	locked   bool
	disabled string // the officer's reason
	jobs     []employment
	answers  []answered // to the personal questions she has chosen: two, or none
	about    string     // what a newcomer can try with her
	tries    []try      // the same in more words, for /personas
}

// answered is the answer to a personal question, of templates.PersonalQuestions.
type answered struct{ question, text string }

// try is something to try with a person: what to do, in Spanish, and the path of
// the provider's page on which that begins.
type try struct{ text, label, path string }

const day = 24 * time.Hour

func people() []person {
	return []person{
		{
			identifier: "1759999913", given: "María Fernanda", family: "Quishpe Andrade", birthdate: "1985-03-14",
			email: "maria.quishpe@correo.example", mobile: "0990000001", landline: "022000001", kinds: []string{"afiliado"}, finger: true,
			clave: commonClave, claveAge: 90 * day,
			jobs: []employment{
				{employer: "Textiles del Machángara S.A.", ruc: "1790000001001", province: "Pichincha", sector: "Industria", from: 132, months: 70, cents: 68_500},
				{employer: "Comercial Andina Cía. Ltda.", ruc: "1790000002001", province: "Pichincha", sector: "Comercio", from: 62, months: 62, cents: 112_000},
			},
			answers: []answered{{"apodo", "Pulguita"}, {"tienda", "Las Tres Marías"}},
			about:   "signs in at all three applications with one login, changes her clave",
			tries: []try{
				{"Ingrese en Historia Laboral y pase a las otras aplicaciones sin volver a escribir la clave.", "", ""},
				{"Cambie su clave: cédula, clave actual y el acuerdo; luego la clave nueva dos veces. El aviso llega a su buzón, con «No fui yo».", "Cambio de clave", "/cambio"},
				{"Escriba cinco veces una clave equivocada: la clave se bloquea y llega un aviso. Después desbloquéela por correo.", "Desbloqueo", "/desbloqueo"},
				{"Olvide su clave: responda con su nacimiento, sus empleos y sus dos preguntas personales, todo lo de arriba, y abra el enlace del mensaje antes de quince minutos. En otro navegador pide antes la fecha y la primera pregunta personal.", "Generar / Recuperar clave", "/generar-recuperar"},
				{"Ponga otro correo en el tercer paso: llega un mensaje a cada correo. El nuevo vale después de 72 horas, o al momento si lo aprueba desde el anterior.", "Generar / Recuperar clave", "/generar-recuperar"},
			},
		},
		{
			identifier: "0959999913", given: "Carlos Alberto", family: "Mina Ortiz", birthdate: "1988-02-29",
			email: "carlos.mina@correo.example", mobile: "0990000002", landline: "042000002", kinds: []string{"afiliado"},
			clave: "Guayas2019x", claveAge: 380 * day,
			jobs:    []employment{{employer: "Puerto Sur Servicios S.A.", ruc: "0990000003001", province: "Guayas", sector: "Transporte", from: 84, months: 84, cents: 79_000}},
			answers: []answered{{"docente", "Señorita Eufemia"}, {"juguete", "Trompo de guayacán"}},
			about:   "his clave has expired: renews it on the way",
			tries: []try{
				{"Ingrese: su clave cumplió un año y se renueva en el camino. El aviso llega a su buzón.", "Ingresar", "/ingresar"},
				{"Nació un 29 de febrero: recupere su clave con esa fecha. El 31 de febrero no existe, y escribirlo no gasta ningún intento.", "Generar / Recuperar clave", "/generar-recuperar"},
			},
		},
		{
			identifier: "0159999911", given: "Rosa Elena", family: "Guamán Pulla", birthdate: "1979-11-02",
			email: "rosa.guaman@correo.example", mobile: "0990000003", landline: "072000003", kinds: []string{"afiliado"}, finger: true,
			clave: commonClave, claveAge: 120 * day, locked: true,
			jobs:    []employment{{employer: "Cerámicas del Tomebamba S.A.", ruc: "0190000004001", province: "Azuay", sector: "Industria", from: 150, months: 150, cents: 74_500}},
			answers: []answered{{"amistad", "Zoilita Chimbo"}, {"cancion", "Caballito blanco"}},
			about:   "clave locked: unlocks it by mail",
			tries: []try{
				{"Pida el desbloqueo con su cédula y abra el mensaje que llega a su buzón antes de tres minutos. En el mismo navegador se desbloquea solo; en otro pide los cuatro últimos dígitos de su cédula, 9911, o el código del mensaje.", "Desbloqueo", "/desbloqueo"},
			},
		},
		{
			identifier: "1059999910", given: "Luis", family: "Anrango Farinango", birthdate: "1991-06-07",
			mobile: "0990000004", landline: "062000004", kinds: []string{"afiliado"},
			clave: commonClave, claveAge: 150 * day, locked: true,
			jobs:    []employment{{employer: "Flores de Imbabura S.A.", ruc: "1090000005001", province: "Imbabura", sector: "Agricultura", from: 60, months: 48, cents: 47_000}},
			answers: []answered{{"rincon", "Bajo el nogal"}, {"dulce", "Melcocha"}},
			about:   "clave locked, neither fingerprint nor mailbox on file",
			tries: []try{
				{"Pida el desbloqueo con su cédula: la respuesta es la misma que para todos y no llega ningún mensaje. Le quedan el CAU, la videollamada o la Ventanilla.", "Desbloqueo", "/desbloqueo"},
				{"Recupere su clave con todas las respuestas correctas: como no registra correo, al final ve la misma página que quien falla cinco veces.", "Generar / Recuperar clave", "/generar-recuperar"},
			},
		},
		{
			identifier: "1359999917", given: "Diana", family: "Zambrano Cedeño", birthdate: "1996-09-30",
			email: "diana.zambrano@correo.example", mobile: "0990000005", landline: "052000005", kinds: []string{"afiliado"},
			jobs: []employment{
				{employer: "Pesquera Bahía Blanca S.A.", ruc: "1390000006001", province: "Manabí", sector: "Pesca", from: 40, months: 22, cents: 51_500},
				{employer: "Hotel Costa Serena Cía. Ltda.", ruc: "1390000007001", province: "Manabí", sector: "Turismo", from: 18, months: 18, cents: 58_000},
			},
			about: "never had a clave: generates her first one",
			tries: []try{
				{"Genere su primera clave: responda con su nacimiento y sus empleos, deje en blanco las preguntas personales, y abra el enlace del mensaje antes de quince minutos. Allí elige sus dos preguntas. Empiece en una aplicación: al terminar la lleva de vuelta.", "Generar / Recuperar clave", "/generar-recuperar"},
				{"Nunca tuvo clave: el ingreso y el desbloqueo responden igual que para una cédula desconocida.", "Ingresar", "/ingresar"},
			},
		},
		{
			identifier: "1859999912", given: "Jorge", family: "Llerena Paredes", birthdate: "2003-01-19",
			email: "jorge.llerena@correo.example", mobile: "0990000006", landline: "032000006", kinds: []string{"afiliado"},
			about: "never had a clave, no work history",
			tries: []try{
				{"Nunca tuvo clave ni historia laboral: el ingreso responde igual que para una cédula desconocida.", "Ingresar", "/ingresar"},
				{"Intente generar su clave: ve preguntas como todos, pero ninguna respuesta le sirve. Al quinto intento ve la misma página que quien no existe; le quedan el CAU, la videollamada o la Ventanilla.", "Generar / Recuperar clave", "/generar-recuperar"},
			},
		},
		{
			identifier: "3059999916", given: "Blanca", family: "Ruiz Torres", birthdate: "1948-05-05",
			email: "blanca.ruiz@correo.example", mobile: "0990000007", landline: "022000007", kinds: []string{"pensionista"},
			clave: commonClave, claveAge: 60 * day,
			answers: []answered{{"cuento", "La dama tapada"}, {"objeto", "Baúl de cedro"}},
			about:   "pensionista",
			tries: []try{
				{"Ingrese: las aplicaciones reciben que es pensionista.", "Ingresar", "/ingresar"},
				{"Intente recuperar su clave: no registra empleos de los que preguntarle, y ninguna respuesta le sirve. Le quedan el CAU, la videollamada o la Ventanilla.", "Generar / Recuperar clave", "/generar-recuperar"},
			},
		},
		{
			identifier: "EXT-0004711", given: "Amara", family: "Okafor", birthdate: "1990-12-11",
			email: "amara.okafor@correo.example", mobile: "0990000008", kinds: []string{"afiliado"},
			clave: commonClave, claveAge: 45 * day,
			jobs: []employment{
				{employer: "Academia de Idiomas Ilaló Cía. Ltda.", ruc: "1790000010001", province: "Pichincha", sector: "Enseñanza", from: 52, months: 24, cents: 83_000},
				{employer: "Traducciones del Valle S.A.", ruc: "1790000011001", province: "Pichincha", sector: "Comercio", from: 27, months: 27, cents: 98_000},
			},
			answers: []answered{{"comida", "Okra soup"}, {"regalo", "Red bicycle"}},
			about:   "foreigner: signs in with her código de identificación",
			tries: []try{
				{"En el ingreso elija «código de identificación» y escriba EXT-0004711.", "Ingresar", "/ingresar"},
				{"Olvide su clave: elija «código de identificación» y responda con su nacimiento, sus empleos y sus dos preguntas personales, como cualquier persona.", "Generar / Recuperar clave", "/generar-recuperar?codigo=1"},
			},
		},
		{
			identifier: "2059999918", given: "Pedro", family: "Tomalá Suárez", birthdate: "1969-08-23",
			email: "pedro.tomala@correo.example", mobile: "0990000009", landline: "052000009", kinds: []string{"afiliado", "pensionista"},
			clave: "Archipielago1969Tortuga", claveAge: 30 * day,
			jobs:    []employment{{employer: "Navegación Isleña S.A.", ruc: "2090000008001", province: "Galápagos", sector: "Transporte", from: 200, months: 200, cents: 96_000}},
			answers: []answered{{"vecindad", "Don Segundo"}, {"primer-sueldo", "Una atarraya"}},
			about:   "long clave: may ask for more than USD 1.000 at Préstamos",
			tries: []try{
				{"Solicite en Préstamos más de USD 1.000: su clave larga alcanza.", "Ingresar", "/ingresar"},
				{"Recupere su clave con otra de 15 caracteres o más y solicite lo mismo: más de USD 1.000, solo cuando pasen 72 horas.", "Generar / Recuperar clave", "/generar-recuperar"},
			},
		},
		{
			identifier: "2259999916", given: "Lucía", family: "Grefa Andi", birthdate: "1995-04-03",
			email: "lucia.grefa@correo.example", mobile: "0990000010", landline: "062000010", kinds: []string{"beneficiario"},
			clave: commonClave, claveAge: 75 * day,
			answers: []answered{{"juguete", "Canoa de balsa"}, {"programa", "La Tremebunda"}},
			about:   "beneficiaria",
			tries: []try{
				{"Ingrese: las aplicaciones reciben que es beneficiaria.", "Ingresar", "/ingresar"},
			},
		},
		{
			identifier: "0759999915", given: "Manuel", family: "Aguilar Romero", birthdate: "1980-07-17",
			email: "manuel.aguilar@correo.example", mobile: "0990000011", landline: "072000011", kinds: []string{"afiliado"},
			clave: commonClave, claveAge: 200 * day, disabled: "Pedido de la demostración",
			jobs:    []employment{{employer: "Bananera El Cisne S.A.", ruc: "0790000009001", province: "El Oro", sector: "Agricultura", from: 96, months: 80, cents: 52_000}},
			answers: []answered{{"apodo-amistad", "Chapulín"}, {"tienda", "El Buen Precio"}},
			about:   "account disabled by an officer",
			tries: []try{
				{"Su cuenta está deshabilitada: el ingreso responde igual que con una clave equivocada, y el desbloqueo no la abre.", "Ingresar", "/ingresar"},
			},
		},
	}
}
