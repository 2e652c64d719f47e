// Package quiz draws the two questions on a person's work history that the
// wizard asks (S028, C-HL-Q). It is pure: history, seed and time in, questions
// out. Right answers are a gate in front of sending mail, never a proof of who
// somebody is (DEV-5).
//
//	history, _ := registry.Historia(ctx, id) // none: unknown
//	donors, _ := db.Donors(ctx, quiz.Start(seed), 8) // read for everybody alike
//	if _, _, year := quiz.Near(seed, history, now); year == 0 {
//		history = quiz.Pretend(seed, donors, now)
//	}
//	province, sector, year := quiz.Near(seed, history, now)
//	peers, _ := db.Peers(ctx, province, sector, year, quiz.Start(seed), 64)
//	set, _ := quiz.Ask(seed, history, peers, now)
//	right := set.Right(answers)
//
// A question tells nothing of the person. Its words depend on its field alone and
// on the month up to which contributions count, which is the same for everybody:
// nothing is asked "of 2019" or "of your employer X". One of its options is true
// at most; the others are nobody's records of hers. "Ninguna de las anteriores"
// is right in 15 of 100.
//
// Asking again shows nothing new (T23). What is drawn is ranked by HMAC-SHA256
// under a secret seed of the person, so her truth, its decoys and whether none is
// right are the same for ever, as far as registry and pool are; the quarter of the
// year only changes which fields are asked. Decoys drawn anew each quarter would
// leave the truth to whoever compares. Contributions of the three months before
// the quarter and later ones do not count, so that monthly imports change nothing
// within it. An HMAC per choice in place of one stream of chance keeps every other
// choice where it was when an employer joins the pool; 256 secret bits are the
// strength of either.
//
// Decoys are as likely as truths. Quarters and years come from blocks of the
// calendar that are the same for everybody; employers from months of other people
// of the same province, sector and time, so that a large employer is as often a
// decoy as it is a truth; bands and provinces by their shares among people, and of
// these two, which are easier to guess, never both. Somebody unknown is asked
// about the history of somebody else, chosen by her seed, who stays unnamed: what
// is shown for unknown and known people has one distribution because one function
// makes it of one kind of history.
//
// # Odds
//
// Each of the five options is right with 0.85 / 5 = 17.0 %, "Ninguna" with 15.0 %.
//
//	both questions, one blind guess            2.89 %, 1 in 35
//	both, five different guesses              14.45 %, 1 in 7
//	one, five guesses by who knows the other  85.00 %
//	both, ten different guesses               28.90 %, 2 in 7
//	both, with day and month unknown, one      0.0079 %, 1 in 12638
//	both, with day and month unknown, five     0.0396 %, 1 in 2528
//	both, with day and month unknown, ten      0.0791 %, 1 in 1264
//
// So whoever knows a cédula and a birthday passes one time in seven by chance, and
// of a thousand people's 145. That is why the answers to personal questions count
// together with these where somebody has them, why no answer is told right or
// wrong by itself, why five attempts lock, and why passing sends a link to the
// mailbox on file, and to no other before 72 hours. Who spends the attempts of ten
// other people from one network first has ten guesses within thirty days: that
// defers a lock once, by a day, and the person is told each time.
//
// What others know. Colleagues know the employer they share: the current one is
// not asked about unless there is nothing else, and no two questions are about one
// employer where there are others. A former colleague may know one answer and then
// has the 85 %. A spouse or a payroll clerk may know both. Whoever knows the age
// leaves out the options from before somebody's working life: none for most, half
// of them for the youngest, whose questions on time are then one in three. Of bands
// and provinces some are likelier than others for whoever knows trade and home.
// That a field is asked says that a history has something of the kind, the
// person's or, for all that can be told, another's.
package quiz
