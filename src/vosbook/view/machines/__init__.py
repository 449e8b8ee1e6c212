"""Drawings of the machines: every system of the library, and the parts it is made of, in the papers' symbols.

Each function returns a `Drawing`. Colours, shapes and arrows mean the same in all; `legend` shows what.
"""

from vosbook.view.machines.conv_lstm import lstm_cell
from vosbook.view.machines.frtm import frtm_machine
from vosbook.view.machines.osvos import osvos_machine
from vosbook.view.machines.rvos import rvos_ladder, rvos_table
from vosbook.view.machines.s2s import s2s_machine

__all__ = ["frtm_machine", "lstm_cell", "osvos_machine", "rvos_ladder", "rvos_table", "s2s_machine"]
