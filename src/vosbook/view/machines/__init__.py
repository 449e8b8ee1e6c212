"""Drawings of the machines: every system of the library, and the parts it is made of, in the papers' symbols.

Each function returns a `Drawing`. Colours, shapes and arrows mean the same in all; `legend` shows what.
"""

from vosbook.view.machines.conv_lstm import lstm_cell
from vosbook.view.machines.frtm import frtm_machine, segmentation_network, target_model_net
from vosbook.view.machines.matching import matching_table
from vosbook.view.machines.osvos import osvos_machine, snapping
from vosbook.view.machines.osvos_s import conditional_layer, osvos_s_machine
from vosbook.view.machines.overview import four_systems, legend
from vosbook.view.machines.rvos import rvos_ladder, rvos_table
from vosbook.view.machines.s2s import s2s_machine
from vosbook.view.machines.stm import memory_read

__all__ = [
    "conditional_layer",
    "four_systems",
    "frtm_machine",
    "legend",
    "lstm_cell",
    "matching_table",
    "memory_read",
    "osvos_machine",
    "osvos_s_machine",
    "rvos_ladder",
    "rvos_table",
    "s2s_machine",
    "segmentation_network",
    "snapping",
    "target_model_net",
]
