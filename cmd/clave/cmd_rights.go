package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"iess.gob.ec/clave/login/cuenta"
	"iess.gob.ec/clave/storage"
)

const (
	// shownRights is how many requests are listed.
	shownRights = 1000
	// mostAnswer is how many characters an answer may have.
	mostAnswer = 4000
)

// rights is how the IESS answers what people ask about their data (LOPDP arts. 13
// to 17), until the officers' console does.
func (c *commands) rights() *cobra.Command {
	cmd := group(&cobra.Command{
		Use: "rights", Short: "What people ask about their personal data, and the answers, each audited and mailed",
		Long: "The law wants an answer within 15 days (LOPDP arts. 13 to 17). NUMBER is the request's, such as DER-7K2M-9XWZ.",
	})
	var outcome, text string
	answer := &cobra.Command{
		Use: "answer NUMBER", Short: "Answer a request: the person reads the text in her account, and is told by mail that it is there", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.rightsAnswer(cmd.Context(), args[0], outcome, text)
		},
	}
	answer.Flags().StringVar(&outcome, "outcome", "", strings.Join(storage.Outcomes(), ", ")+" (required)")
	answer.Flags().StringVar(&text, "text", "", "the answer, in Spanish, with its reasons (required)")
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the requests that wait for an answer, the most pressing first", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return c.rightsList(cmd.Context()) },
		},
		&cobra.Command{
			Use: "show NUMBER", Short: "Show what a person asked; that it was read is audited", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error { return c.rightsShow(cmd.Context(), args[0]) },
		},
		answer,
	)
	return cmd
}

func (c *commands) rightsList(ctx context.Context) error {
	_, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	all, err := db.OpenRightsRequests(ctx, shownRights)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		c.println("no request waits for an answer")
		return nil
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	say(w, "NUMBER\tRIGHT\tASKED\tANSWER BY\tDAYS LEFT\tPERSON\n")
	for _, q := range all {
		left := strconv.Itoa(cuenta.DaysLeft(q, c.now()))
		if strings.HasPrefix(left, "-") {
			left = "overdue by " + left[1:]
		}
		say(w, "%s\t%s\t%s\t%s\t%s\t%s\n", q.Number, q.Kind, instant(q.CreatedAt.Time), cuenta.LastDay(q), left, q.AfiliadoID)
	}
	return w.Flush()
}

func (c *commands) rightsShow(ctx context.Context, number string) error {
	_, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	q, err := cuenta.ReadRights(ctx, db, number, c.now())
	if err != nil {
		return unknownRequest(err)
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	say(w, "number\t%s\n", q.Number)
	say(w, "person\t%s\n", q.AfiliadoID)
	say(w, "right\t%s\n", q.Kind)
	say(w, "state\t%s %s\n", q.State, q.Outcome)
	say(w, "asked\t%s\n", instant(q.CreatedAt.Time))
	say(w, "answer by\t%s\n", cuenta.LastDay(*q))
	say(w, "done\t%s\n", instant(q.DoneAt.Time))
	if err := w.Flush(); err != nil {
		return err
	}
	c.printf("\n%s\n", printable(q.Detail))
	if q.Answer != "" {
		c.printf("\nanswer:\n%s\n", printable(q.Answer))
	}
	return nil
}

// printable is what somebody typed, without what a terminal takes for an order.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || 0x7f <= r && r < 0xa0 {
			return -1
		}
		return r
	}, text)
}

func (c *commands) rightsAnswer(ctx context.Context, number, outcome, text string) error {
	switch {
	case !slices.Contains(storage.Outcomes(), outcome):
		return usageError{"rights answer: -outcome must be one of " + strings.Join(storage.Outcomes(), ", ")}
	case strings.TrimSpace(text) == "":
		return usageError{"rights answer: -text TEXT is missing; the person reads it in her account"}
	case utf8.RuneCountInString(text) > mostAnswer || !utf8.ValidString(text):
		return usageError{fmt.Sprintf("rights answer: -text must be UTF-8 of at most %d characters", mostAnswer)}
	}
	_, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	if err := cuenta.AnswerRights(ctx, db, number, outcome, text, c.now()); err != nil {
		return unknownRequest(err)
	}
	c.printf("answered %s\n", number)
	return nil
}

// unknownRequest says in words why there is nothing to answer.
func unknownRequest(err error) error {
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return errors.New("there is no request of that number; clave rights list shows those that wait")
	case errors.Is(err, cuenta.ErrNotOpen):
		return errors.New("that request does not wait any more: it was answered, or its person cancelled it; clave rights show tells which")
	default:
		return err
	}
}
