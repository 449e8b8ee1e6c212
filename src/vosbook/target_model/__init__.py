"""The target model of FRTM: a small linear classifier of features, learned while the video plays."""
