"""Whether choosing documents helps, measured while the review runs: a few random documents among the chosen ones say.

A query strategy that draws a share of each batch at random (`mixture` with `exploration`) leaves in the record which
documents those are. From them `live_check` estimates how often the model is right, and compares what as many chosen
and as many random labels teach it: an interval that holds no difference says that it cannot be told, and one below it
that choosing does harm. Nobody labels a document twice, and the record needs nothing else.

What the numbers speak of, and what they do not:

- Only documents drawn at random beside chosen ones count, not a random start: how long that lasts hangs on what it
  finds. Documents nobody could label are left out.
- A document tests a model that was there before it was drawn, and never one whose labels were chosen knowing its own. A
  strategy does not ask for what stands near a label it has, so a model that has that label taken away is worse than it
  ever was: on TREC-6, after 600 labels by margin, cross-validation said 0.81 where 0.87 was true (means of 6 seeds).
- So the accuracy is that of the models of the last half, on what was unread when they were there. The present one
  should be no worse.
- Both arms begin with the same labels: the start, and what came with the files. Then comes what the review asked for,
  in its order and with its share of random documents, or random documents alone.
- Labels are counted as saved at as many as there are random ones, not at all that were given: savings may differ
  there. One review shows one course of choices; its interval takes in that another might have been luckier.
- It is one look. Who looks after every batch, and stops when the interval leaves 0, will find what is not there.
"""

from docreview.live_check.comparing import FEWEST, live_check
from docreview.live_check.keeping import kept_check
from docreview.live_check.results import Between, LiveCheck

__all__ = ["FEWEST", "Between", "LiveCheck", "kept_check", "live_check"]
