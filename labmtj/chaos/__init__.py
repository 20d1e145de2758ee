"""All that can go wrong, on purpose: rounds against a simulated bench in another process, its log as referee.

`labmtj chaos` plays scenarios of labmtj.chaos.scenarios, each on a fresh die: a process is killed, a reply comes late,
a relay sticks, the disk is full. Then the run is continued, and what the twin's own log says was done to the die is
compared with what the journal says.
"""
