-- Roles for some clusters: v1.Grant[] as protobuf JSON. Without one the role is for all clusters;
-- with one there may be none that is.
ALTER TABLE "user"
  ADD COLUMN grants jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(grants) = 'array'),
  DROP CONSTRAINT user_role_check,
  ADD CONSTRAINT user_role CHECK
    (role IN ('VIEWER', 'OPERATOR', 'ADMIN') OR (role = 'UNSPECIFIED' AND grants <> '[]'));
ALTER TABLE api_token
  ADD COLUMN grants jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(grants) = 'array'),
  ADD CONSTRAINT api_token_some_role CHECK (role <> 'UNSPECIFIED' OR grants <> '[]');
