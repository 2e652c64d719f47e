// Package mailbox is where the mail of the demo arrives: a mail server on this
// machine that hands nothing on, a folder with one file for each message, and a
// web page on which whoever tries the demo reads it.
//
// A message is whatever somebody sent. Its words are shown as text; its HTML is
// a document of its own, stripped of all that acts or fetches, which a sandbox
// and a Content-Security-Policy would stop as well.
package mailbox
