-- How often in a row the dmgrd that executed it ended with the claim in its hands, and no step of it
-- had ended meanwhile.
ALTER TABLE operation ADD COLUMN lost_claims integer NOT NULL DEFAULT 0;
