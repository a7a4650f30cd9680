"""Owns: the table of states by itself: what it must never have in it."""

from itertools import product

from streamz_core.server.security.sasl_state import TRANSITIONS, SaslEvent, SaslState, after, may

STRANGERS = (SaslState.NEW, SaslState.EXCHANGING, SaslState.EXPIRED, SaslState.EXCHANGING_AGAIN)


def test_nothing_leads_out_of_the_end():
    assert all(after(SaslState.ENDED, event) is SaslState.ENDED for event in SaslEvent)


def test_a_stranger_may_ask_for_nothing_else():
    assert not any(may(state, SaslEvent.OTHER) for state in STRANGERS)


def test_only_proof_makes_somebody_of_a_stranger():
    """However long the way: no path of events without PROVEN leads from NEW to a state that may ask."""
    reached, edge = {SaslState.NEW}, [SaslState.NEW]
    while edge:
        state = edge.pop()
        for event in SaslEvent:
            following = after(state, event)
            if event is not SaslEvent.PROVEN and following not in reached:
                reached.add(following)
                edge.append(following)

    assert reached == {SaslState.NEW, SaslState.EXCHANGING, SaslState.ENDED}


def test_proof_counts_in_an_exchange_only():
    proving = {state for state in SaslState if may(state, SaslEvent.PROVEN)}

    assert proving == {SaslState.EXCHANGING, SaslState.EXCHANGING_AGAIN}


def test_failing_ends_it_from_everywhere():
    ending = (SaslEvent.FAILED, SaslEvent.UNKNOWN_MECHANISM)

    assert all(after(*one) is SaslState.ENDED for one in product(SaslState, ending))


def test_the_table_has_no_row_that_says_the_default():
    assert SaslState.ENDED not in TRANSITIONS.values()
